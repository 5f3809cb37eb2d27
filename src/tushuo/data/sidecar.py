"""Pictures, each with a text file of the same name: one caption per line.

Beside ``a.jpg``: ``a.caption`` (of kohya's scripts), ``a.txt``, ``a.jpg.txt`` or ``a.json`` with a
caption (of img2dataset), in any case. With ``images``, or where texts and pictures lie in different
folders, the names decide.
"""

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tushuo.data.content import Content
from tushuo.data.entry import Entry
from tushuo.data.json_rows import captions_of
from tushuo.data.listing import Listing
from tushuo.pictures.finding import EXTENSIONS
from tushuo.runtime import readable

ENDINGS = (".caption", ".txt", ".json")  # in order of preference
SHOWN = 3


def sidecar_stem(name: str) -> str | None:
    """Return the picture's name without its ending, in lower case, if this may be its text."""
    stem, ending = os.path.splitext(name.lower())
    if ending not in ENDINGS:
        return None
    inner, picture = os.path.splitext(stem)
    return inner if picture in EXTENSIONS else stem


def count_sidecars(listing: Listing) -> int:
    """Count the text files that lie beside pictures of the same name."""
    count = 0
    for _, names in listing.folders:
        split = [os.path.splitext(name.lower()) for name in names]
        pictures = {stem for stem, ending in split if ending in EXTENSIONS}
        count += sum(sidecar_stem(name) in pictures for name in names if ".json" not in name)
    return count


def read_sidecars(listing: Listing, images: Path | None) -> tuple[list[Entry], set[Path]]:
    """Read the texts of all pictures that have one; the others are counted in a warning.

    Returns:
        The entries, and the text files.

    Raises:
        DataError: a text is not UTF-8.
    """
    root = images or listing.root
    pictures = (Listing(images) if images else listing).pictures
    owners = _owners(pictures, root, _texts(listing))
    entries, without = [], []
    for picture in pictures:
        captions = _captions(owners[picture]) if picture in owners else None
        if captions is None:
            without.append(picture)
            continue
        image_id = readable(picture.relative_to(root).as_posix())
        entries.append(Entry(name=str(picture), captions=captions, image_id=image_id))
    if entries and without:
        names = ", ".join(readable(path.name) for path in without[:SHOWN])
        warnings.warn(
            f"pictures without a text file are left out: {len(without)}, such as {names}",
            stacklevel=3,
        )
    return entries, set(owners.values())


def _captions(text: Path) -> tuple[str, ...] | None:
    """Return the captions of a text file; None if it is JSON of something else."""
    if text.suffix.lower() == ".json":
        try:
            return captions_of(msgspec.json.decode(text.read_bytes(), type=dict)) or None
        except (OSError, msgspec.DecodeError):
            return None
    lines = (line.strip() for line in Content(text).lines)
    return tuple(line for line in lines if line)


def _owners(pictures: Sequence[Path], root: Path, texts: "Texts") -> dict[Path, Path]:
    """Return the text file of each picture; one that differs in case gives way to another."""
    stems = Counter(picture.stem.lower() for picture in pictures)
    found: dict[Path, list[Path]] = {}
    for picture in pictures:
        place = picture.relative_to(root).parent
        text = _text_of(picture, place, texts, anywhere=stems[picture.stem.lower()] == 1)
        if text:
            found.setdefault(text, []).append(picture)
    shared = {}
    for text, own in found.items():
        exact = [picture for picture in own if text.name.startswith(picture.stem)]
        found[text] = exact or own
        if len(found[text]) > 1:
            shared[text] = found[text]
    if shared:
        text, own = next(iter(shared.items()))
        names = " and ".join(readable(path.name) for path in own[:SHOWN])
        warnings.warn(
            f"text files that several pictures share: {len(shared)}, such as {text.name} of "
            f"{names}; remove copies, or they may come into different splits",
            stacklevel=4,
        )
    return {picture: text for text, own in found.items() for picture in own}


Texts = dict[str, list[tuple[Path, Path]]]  # by stem: place below the root, and path


def _texts(listing: Listing) -> Texts:
    found: Texts = {}
    for folder, names in listing.folders:
        for name in names:
            stem = sidecar_stem(name)
            if stem is not None:
                place = folder.relative_to(listing.root)
                found.setdefault(stem, []).append((place, folder / name))
    return found


def _text_of(picture: Path, place: Path, texts: Texts, *, anywhere: bool) -> Path | None:
    """Return the text of a picture: at the same place, or the only one of this name anywhere."""
    found = texts.get(picture.stem.lower(), [])
    exact = f"{picture.name}.txt".lower()  # a.jpg.txt belongs to a.jpg, not to a.png
    found = [
        (where, path)
        for where, path in found
        if sidecar_stem(path.name) == path.stem.lower() or path.name.lower() == exact
    ]
    beside = [path for where, path in found if where == place]
    if not beside and anywhere and len({where for where, _ in found}) == 1:
        beside = [path for _, path in found]
    return min(beside, key=lambda path: _preference(path, picture), default=None)


def _preference(path: Path, picture: Path) -> tuple[bool, int, bool, str]:
    other_case = not path.name.startswith(picture.stem)
    inexact = path.name.lower() != f"{picture.name}.txt".lower()
    return other_case, ENDINGS.index(path.suffix.lower()), inexact, path.name
