"""Pictures, each with a text file of the same name: one caption per line.

Beside ``a.jpg``: ``a.caption`` (of kohya's scripts), ``a.txt`` or ``a.jpg.txt``, in any case. With
``images``, or where texts and pictures lie in different folders, the names decide.
"""

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tushuo.data.content import Content
from tushuo.data.entry import Entry
from tushuo.data.listing import Listing
from tushuo.data.split_names import split_of_folder
from tushuo.pictures.finding import EXTENSIONS
from tushuo.runtime import readable

ENDINGS = (".caption", ".txt")  # in order of preference
SIDECARS = (*ENDINGS, ".json")  # also those that are not read, of img2dataset
SHOWN = 3


def sidecar_stem(name: str, endings: Sequence[str] = ENDINGS) -> str | None:
    """Return the picture's name without its ending, in lower case, if this may be its text."""
    stem, ending = os.path.splitext(name.lower())
    if ending not in endings:
        return None
    inner, picture = os.path.splitext(stem)
    return inner if picture in EXTENSIONS else stem


def read_sidecars(listing: Listing, images: Path | None) -> list[Entry]:
    """Read the texts of all pictures that have one; the others are counted in a warning.

    Raises:
        DataError: a text is not UTF-8.
    """
    root = images or listing.root
    pictures = (Listing(images) if images else listing).pictures
    texts = _texts(listing)
    stems = Counter(picture.stem.lower() for picture in pictures)
    entries, without = [], []
    for picture in pictures:
        place = picture.relative_to(root).parent
        text = _text_of(picture, place, texts, anywhere=stems[picture.stem.lower()] == 1)
        if text is None:
            without.append(picture)
            continue
        lines = (line.strip() for line in Content(text).lines)
        entries.append(
            Entry(
                name=str(picture),
                captions=tuple(line for line in lines if line),
                split=split_of_folder(place.parts[0]) if place.parts else None,
                image_id=readable(picture.relative_to(root).as_posix()),
            )
        )
    if entries and without:
        names = ", ".join(readable(path.name) for path in without[:SHOWN])
        warnings.warn(
            f"pictures without a text file are left out: {len(without)}, such as {names}",
            stacklevel=3,
        )
    if not all(entry.split for entry in entries):  # folders named by chance, or pictures of none
        entries = [replace(entry, split=None) for entry in entries]
    return entries


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
    return min(beside, key=lambda path: _preference(path, exact), default=None)


def _preference(path: Path, exact: str) -> tuple[int, bool, str]:
    return ENDINGS.index(path.suffix.lower()), path.name.lower() != exact, path.name
