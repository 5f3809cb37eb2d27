"""Merge what the caption files say about each picture into one record."""

import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tushuo.data.claims import Part
from tushuo.data.entry import Entry
from tushuo.data.locate import slashed
from tushuo.data.record import Record, Split
from tushuo.data.split_names import split_in_name, split_of_folder
from tushuo.errors import DataError
from tushuo.runtime import readable

ENTITY = re.compile(r"\[/EN#\d+(?:/\w+)+ ([^\]]*)\]")  # Flickr30k Entities: [/EN#1/people A man]
MAX_CHARACTERS = 20_000  # of a caption; longer ones are two files or a quote that never closes
SHOWN = 3


def merge(parts: Sequence[Part], root: Path) -> list[Record]:
    """Make one record of each picture; entries of the same file are one picture.

    Where no file states a split, the folders of the pictures do: all lie below folders with names
    such as ``train``, ``val2014`` and ``test_images``.

    Raises:
        DataError: a picture is in two splits, or only some pictures have one.
    """
    records: dict[str, Record] = {}
    captions: dict[str, list[str]] = {}
    conflicts: dict[str, tuple[Split | None, Split | None]] = {}
    for part in parts:
        for entry, path in zip(part.entries, part.paths, strict=True):
            captions.setdefault(str(path), []).extend(entry.captions)
            known = records.get(str(path))
            if known is None:
                name = readable(slashed(entry.name))
                image_id = name if entry.image_id is None else entry.image_id
                records[str(path)] = Record(
                    image_id=image_id, path=path, captions=(), split=entry.split
                )
            elif known.split != entry.split:
                conflicts.setdefault(str(known.image_id), (known.split, entry.split))
    if conflicts:
        raise DataError(_describe_conflicts(conflicts))
    merged = [replace(record, captions=tuple(captions[key])) for key, record in records.items()]
    files = {str(path): part.file for part in parts for path in part.paths}
    return _with_unique_ids(_with_folder_splits(merged, parts, root), files, root)


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


Version = tuple[str, Split | None, tuple[str, ...]]  # a file's name, and what it has of a picture


def require_one_version(parts: Sequence[Part]) -> tuple[list[Part], dict[str, str]]:
    """Return the files that add pictures, and why the others are passed over.

    A file whose captions others have as well is passed over: a copy, or ``trainval`` beside
    ``train`` and ``val``.

    Raises:
        DataError: two files have captions of one picture, and not two different splits.
    """
    passed_over: dict[str, str] = {}
    first: dict[str, Version] = {}
    for part in sorted(parts, key=_states_no_split_and_size):
        own = _versions(part)
        shared = [key for key in own if key in first]
        same = [
            key
            for key in shared
            if own[key][2] == first[key][2] and own[key][1] in (None, first[key][1])
        ]
        if shared and len(same) == len(own):
            others = dict.fromkeys(first[key][0] for key in shared)
            passed_over[part.file] = f"has the same captions as {' and '.join(others)}"
            continue
        for key in shared:
            if None in (own[key][1], first[key][1]) or own[key][1] == first[key][1]:
                raise DataError(
                    f"{first[key][0]} and {part.file} both have captions of {Path(key).name}; name "
                    "the file to read"
                )
        first = own | first
    return [part for part in parts if part.file not in passed_over], passed_over


def _states_no_split_and_size(part: Part) -> tuple[bool, int]:
    return all(entry.split is None for entry in part.entries), -len(part.entries)


def _versions(part: Part) -> dict[str, Version]:
    captions: dict[str, list[str]] = {}
    splits: dict[str, Split | None] = {}
    for entry, path in zip(part.entries, part.paths, strict=True):
        captions.setdefault(str(path), []).extend(entry.captions)
        splits[str(path)] = entry.split
    return {key: (part.file, splits[key], tuple(texts)) for key, texts in captions.items()}


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


def _with_folder_splits(records: list[Record], parts: Sequence[Part], root: Path) -> list[Record]:
    """Fill in splits by the folders of the pictures, if no file states any.

    Raises:
        DataError: some records have a split, and others do not.
    """
    lacking = [record for record in records if record.split is None]
    if not lacking:
        return records
    if len(lacking) < len(records):
        names = ", ".join(str(record.image_id) for record in lacking[:SHOWN])
        without = [part.file for part in parts if not any(entry.split for entry in part.entries)]
        files = f" ({', '.join(without[:SHOWN])} states none)" if without else ""
        raise DataError(
            f"pictures without a split: {len(lacking)} of {len(records)}, such as {names}{files}; "
            "give all pictures a split, or none, or name the file to read"
        )
    splits = _folder_splits(records, root, split_in_name)
    if len(set(splits) - {None}) == 1:  # a folder that is named by nothing else, or by chance
        splits = _folder_splits(records, root, split_of_folder)
    if any(splits):  # a missing picture lies nowhere, and is reported where pictures are opened
        splits = [
            split if split or record.path.is_file() else "train"
            for split, record in zip(splits, records, strict=True)
        ]
    if None in splits and any(splits):
        other = records[splits.index(None)]
        warnings.warn(
            f"no split is used: the folders of {len(splits) - splits.count(None)} pictures state "
            f"one, but not those of {splits.count(None)}, such as {other.image_id}; pictures of "
            "all folders are used for training",
            stacklevel=4,
        )
    if None in splits:
        return records
    return [replace(record, split=split) for record, split in zip(records, splits, strict=True)]


def _folder_splits(
    records: Sequence[Record], root: Path, read: Callable[[str], Split | None]
) -> list[Split | None]:
    """Return the split that the folders of each picture below the root state, if it is one."""
    known: dict[str, Split | None] = {}
    splits = []
    for record in records:
        folder = os.path.dirname(record.path)
        if folder not in known:
            inside = Path(folder).is_relative_to(root)
            folders = Path(folder).relative_to(root).parts if inside else ()
            found = {read(name) for name in folders} - {None}
            known[folder] = found.pop() if len(found) == 1 else None
        splits.append(known[folder])
    return splits


def _with_unique_ids(records: list[Record], files: Mapping[str, str], root: Path) -> list[Record]:
    """Replace ids that several pictures share by the pictures' names.

    Pictures elsewhere, such as unpacked ones, are named by their caption file and their last name.
    """
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
        inside = path.is_relative_to(root)
        return readable(
            path.relative_to(root).as_posix() if inside else f"{files[str(path)]}/{path.name}"
        )

    return [
        replace(record, image_id=name(record.path)) if seen[str(record.image_id)] > 1 else record
        for record in records
    ]
