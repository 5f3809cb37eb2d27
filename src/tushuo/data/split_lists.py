"""Split lists: text files beside a caption file that name the pictures of a split, one a line.

``Flickr_8k.trainImages.txt`` and its like of Flickr8k, and files such as ``train.txt`` whose lines
are pictures of the data.
"""

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tushuo.data.content import Content
from tushuo.data.entry import Entry
from tushuo.data.locate import slashed
from tushuo.data.record import Split
from tushuo.data.split_names import split_in_name
from tushuo.errors import DataError
from tushuo.pictures.finding import EXTENSIONS

FLICKR8K: dict[str, Split] = {
    ".trainImages.txt": "train",
    ".devImages.txt": "val",
    ".testImages.txt": "test",
}
ENDINGS = (".txt", ".lst", ".list")
SHOWN = 3


def is_flickr8k_list(name: str) -> bool:
    """Return whether a file has the name of a split list of Flickr8k."""
    return name.endswith(tuple(FLICKR8K))


def with_list_splits(
    entries: Sequence[Entry], path: Path, others: Iterable[str]
) -> tuple[list[Entry], list[Path]]:
    """Fill in the splits that the lists beside a caption file give.

    Pictures that no list names are left out, with a warning.

    Args:
        entries: entries without splits.
        path: the caption file.
        others: names of the files in its folder that may be lists.

    Returns:
        The entries, and the lists that were used.

    Raises:
        DataError: two lists name the same picture.
    """
    names = {_key(entry.name) for entry in entries}
    names |= {_last(name) for name in names}
    splits: dict[str, Split] = {}
    lists = []
    for file in (path.parent / name for name in others if name != path.name):
        split = _split_of_list(file.name)
        lines = [line.strip() for line in Content(file).lines if line.strip()] if split else []
        known = sum(_key(line) in names or _last(_key(line)) in names for line in lines)
        if split is None or (not is_flickr8k_list(file.name) and known <= len(lines) / 2):
            continue
        lists.append(file)
        for line in lines:
            if splits.setdefault(_key(line), split) != split:
                raise DataError(
                    f"{file}: {line} is in the lists of two splits, {splits[_key(line)]} and "
                    f"{split}; keep it in one"
                )
    if not lists:
        return list(entries), []
    last: dict[str, set[Split]] = {}
    for name, split in splits.items():
        last.setdefault(_last(name), set()).add(split)
    filled = [replace(entry, split=_find(_key(entry.name), splits, last)) for entry in entries]
    kept = [entry for entry in filled if entry.split]
    if len(kept) < len(entries):
        lacking = len({entry.name for entry in filled if not entry.split})
        warnings.warn(
            f"{path.name}: pictures that no split list beside it names are left out: {lacking}",
            stacklevel=2,
        )
    return kept, lists


def warn_of_other_splits(passed_over: Iterable[str]) -> None:
    """Warn about files that are not read and whose names promise splits, where no split is used."""
    stems = {name: os.path.splitext(os.path.basename(name))[0].lower() for name in passed_over}
    names = [name for name, stem in stems.items() if split_in_name(stem) or "split" in stem]
    if names:
        warnings.warn(
            f"no split is used, although {' and '.join(names[:SHOWN])} may state one: write the "
            "splits into a column named split, or into lists named train.txt, val.txt and test.txt",
            stacklevel=5,
        )


def _split_of_list(name: str) -> Split | None:
    flickr8k = next((split for end, split in FLICKR8K.items() if name.endswith(end)), None)
    stem, ending = os.path.splitext(name)
    return flickr8k or (split_in_name(stem) if ending.lower() in ENDINGS else None)


def _find(name: str, splits: dict[str, Split], last: dict[str, set[Split]]) -> Split | None:
    """Return the split of a name; without its folders, if only one split has it."""
    found = last.get(_last(name), set())
    return splits.get(name) or (next(iter(found)) if len(found) == 1 else None)


def _key(name: str) -> str:
    """Return a picture's name without its ending, since lists often lack it."""
    stem, ending = os.path.splitext(slashed(name.strip()))
    return stem if ending.lower() in EXTENSIONS else f"{stem}{ending}"


def _last(name: str) -> str:
    return name.rpartition("/")[2]
