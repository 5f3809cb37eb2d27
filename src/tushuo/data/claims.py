"""Keep a picture that was found by a search from the captions of another one.

A picture that is not where its name says is searched by the last part of its name. Where
``val/1.jpg`` is missing, the search finds ``train/1.jpg``; but that is the picture of other
captions, which name it better.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from tushuo.data.entry import Entry
from tushuo.pictures.finding import EXTENSIONS


@dataclass(frozen=True, slots=True)
class Part:
    """The entries of one caption file, with the path of each one's picture.

    Attributes:
        file: name of the file, below the data folder.
        folder: where it lies.
        entries: its entries.
        paths: the path of each one's picture.
    """

    file: str
    folder: Path
    entries: Sequence[Entry]
    paths: Sequence[Path]


def wrong_claims(names: Sequence[str], paths: Sequence[Path]) -> set[int]:
    """Return the places of names whose picture is that of another name.

    Names of one path must be the same name with more or fewer folders. Otherwise those are right
    whose folders agree best with the path; if these differ as well, none is.
    """
    by_path: dict[Path, dict[str, list[int]]] = {}
    for place, (name, path) in enumerate(zip(names, paths, strict=True)):
        by_path.setdefault(path, {}).setdefault(name, []).append(place)
    wrong: set[int] = set()
    for path, places in by_path.items():
        if len(places) > 1:
            right = _right(list(places), path)
            wrong.update(n for name in places.keys() - right for n in places[name])
    return wrong


def without_taken(parts: Sequence[Part]) -> tuple[list[Part], dict[str, Path]]:
    """Return the parts without pictures that lie beside another caption file, which names them.

    In folders with a caption file each, a name that is missing in one may be in another one.

    Returns:
        The parts; and the pictures that were taken from entries, by the path where each entry's
        picture was expected.
    """
    if len({part.folder for part in parts}) < 2:
        return list(parts), {}
    owners: dict[Path, Path] = {}
    for part in parts:
        for entry, path in zip(part.entries, part.paths, strict=True):
            if path == part.folder / entry.name:
                owners[path] = part.folder
    taken: dict[str, Path] = {}
    settled = []
    for part in parts:
        paths = []
        for entry, path in zip(part.entries, part.paths, strict=True):
            expected = part.folder / entry.name
            if path != expected and owners.get(path, part.folder) != part.folder:
                taken[str(expected)] = path
                path = expected
            paths.append(path)
        settled.append(replace(part, paths=paths))
    return settled, taken


def _right(names: list[str], path: Path) -> set[str]:
    claims = {name: _parts(name) for name in names}
    own = _parts(path.as_posix())
    agreement = {name: _shared(parts, own) for name, parts in claims.items()}
    best = [name for name in names if agreement[name] == max(agreement.values())]
    longest = max((claims[name] for name in best), key=len)
    right = {name for name, parts in claims.items() if longest[: len(parts)] == parts}
    return right if right.issuperset(best) else set()


def _parts(name: str) -> list[str]:
    """Return the parts of a name from its end; only the case of folders does not matter."""
    *folders, last = unicodedata.normalize("NFC", name).split("/")
    stem, dot, ending = last.rpartition(".")
    last = stem if f"{dot}{ending}".lower() in EXTENSIONS else last
    return [last, *(one.lower() for one in folders[::-1] if one not in ("", "."))]


def _shared(one: list[str], other: list[str]) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))
