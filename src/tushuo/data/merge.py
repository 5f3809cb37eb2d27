"""Merge what the caption files say about each picture into one record."""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tushuo.data.entry import Entry
from tushuo.data.locate import slashed
from tushuo.data.record import Record, Split
from tushuo.data.split_names import split_of_folder
from tushuo.errors import DataError
from tushuo.runtime import readable

ENTITY = re.compile(r"\[/EN#\d+(?:/\w+)+ ([^\]]*)\]")  # Flickr30k Entities: [/EN#1/people A man]
MAX_CHARACTERS = 20_000  # of a caption; longer ones are two files or a quote that never closes
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Part:
    """The entries of one caption file, with the path of each one's picture."""

    file: str
    entries: Sequence[Entry]
    paths: Sequence[Path]


def merge(parts: Sequence[Part], root: Path) -> list[Record]:
    """Make one record of each picture; entries of the same file are one picture.

    Where no file states a split, the folders of the pictures do: all lie below folders named
    ``train``, ``val2014`` and so on.

    Raises:
        DataError: a picture is in two splits, or only some pictures have one.
    """
    records: dict[str, Record] = {}
    conflicts: dict[str, tuple[Split | None, Split | None]] = {}
    for part in parts:
        for entry, path in zip(part.entries, part.paths, strict=True):
            known = records.get(str(path))
            if known is None:
                name = readable(slashed(entry.name))
                image_id = name if entry.image_id is None else entry.image_id
                records[str(path)] = Record(
                    image_id=image_id, path=path, captions=entry.captions, split=entry.split
                )
                continue
            if known.split != entry.split:
                conflicts.setdefault(str(known.image_id), (known.split, entry.split))
            captions = (*known.captions, *entry.captions)
            records[str(path)] = replace(known, captions=captions)
    if conflicts:
        raise DataError(_describe_conflicts(conflicts))
    merged = _with_folder_splits(list(records.values()), root)
    return _with_unique_ids(merged, root)


def clean_captions(entries: Iterable[Entry], file: str) -> list[Entry]:
    """Remove the markup of Flickr30k Entities from captions.

    Raises:
        DataError: a caption is longer than ``MAX_CHARACTERS``.
    """
    cleaned, marked = [], 0
    for entry in entries:
        longest = max(map(len, entry.captions), default=0)
        if longest > MAX_CHARACTERS:
            raise DataError(
                f"{file}: a caption of {entry.name} has {longest} characters; at most "
                f"{MAX_CHARACTERS} are read; shorten it, or close its quote"
            )
        if any("[/EN#" in caption for caption in entry.captions):
            marked += 1
            captions = tuple(ENTITY.sub(r"\1", caption) for caption in entry.captions)
            entry = replace(entry, captions=captions)
        cleaned.append(entry)
    if marked:
        warnings.warn(
            f"{file}: the markup of Flickr30k Entities was removed; pictures concerned: {marked}",
            stacklevel=3,
        )
    return cleaned


def require_one_version(parts: Sequence[Part]) -> tuple[list[Part], dict[str, str]]:
    """Return the files that add pictures, and why the others are passed over.

    A file whose entries another one has as well, such as a copy, is passed over.

    Raises:
        DataError: two files have different captions of one picture and the same split.
    """
    kept: list[Part] = []
    copies: dict[str, str] = {}
    first: dict[str, tuple[str, Split | None, tuple[str, ...]]] = {}
    for part in parts:
        own: dict[str, tuple[str, Split | None, tuple[str, ...]]] = {}
        for entry, path in zip(part.entries, part.paths, strict=True):
            before = own[str(path)][2] if str(path) in own else ()
            own[str(path)] = (part.file, entry.split, (*before, *entry.captions))
        shared = [key for key in own if key in first]
        same = [key for key in shared if own[key][1:] == first[key][1:]]
        if shared and len(same) == len(own):
            copies[part.file] = f"has the same captions as {first[shared[0]][0]}"
            continue
        differing = [key for key in shared if own[key][1] == first[key][1]]
        if differing:
            raise DataError(
                f"{first[differing[0]][0]} and {part.file} both have captions of "
                f"{Path(differing[0]).name}; name the file to read"
            )
        first = own | first
        kept.append(part)
    return kept, copies


def _describe_conflicts(conflicts: dict[str, tuple[Split | None, Split | None]]) -> str:
    name, (first, second) = next(iter(conflicts.items()))
    if None in (first, second):
        return (
            f"{name} is listed with the split {first or second} and without one; give all pictures "
            "a split, or none"
        )
    return (
        f"pictures in two splits: {len(conflicts)}, such as {name} in {first} and {second}; "
        "keep each picture in one split, or scores are too high"
    )


def _with_folder_splits(records: list[Record], root: Path) -> list[Record]:
    """Fill in splits by the folders of the pictures, if no file states any.

    Raises:
        DataError: some records have a split, and others do not.
    """
    lacking = [record for record in records if record.split is None]
    if not lacking:
        return records
    if len(lacking) < len(records):
        names = ", ".join(str(record.image_id) for record in lacking[:SHOWN])
        raise DataError(
            f"pictures without a split: {len(lacking)} of {len(records)}, such as {names}; give "
            "all pictures a split, or none"
        )
    splits = [_folder_split(record.path, root) for record in records]
    if None in splits or len(set(splits)) < 2:
        return records
    return [replace(record, split=split) for record, split in zip(records, splits, strict=True)]


def _folder_split(path: Path, root: Path) -> Split | None:
    if not path.is_relative_to(root):
        return None
    folders = path.relative_to(root).parts[:-1]
    inner = folders[1:] if folders and folders[0].lower() == "images" else folders
    return split_of_folder(inner[0]) if inner else None


def _with_unique_ids(records: list[Record], root: Path) -> list[Record]:
    """Replace ids that several pictures share by the pictures' names."""
    seen: dict[str, int] = {}
    for record in records:
        seen[str(record.image_id)] = seen.get(str(record.image_id), 0) + 1
    shared = [image_id for image_id, count in seen.items() if count > 1]
    if not shared:
        return records
    warnings.warn(
        f"image ids that several pictures share are replaced by names: {len(shared)}, such as "
        f"{shared[0]}",
        stacklevel=4,
    )

    def name(path: Path) -> str:
        below = path.relative_to(root) if path.is_relative_to(root) else path
        return readable(below.as_posix())

    return [
        replace(record, image_id=name(record.path)) if seen[str(record.image_id)] > 1 else record
        for record in records
    ]
