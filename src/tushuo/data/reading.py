"""Read caption data: choose the files, read them, locate their pictures, merge.

In a folder, the files nearest to its top that have a known form are read: all that have the most
preferred form among them (the order of ``FORMS``). If there are none, pictures with text files are.
Which files were read and which were passed over is part of the result.
"""

import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from tushuo.data.content import Content
from tushuo.data.entry import Entry
from tushuo.data.flickr import LEMMAS, LISTS, language_of_tokens
from tushuo.data.forms import FORMS, Unknown, recognise
from tushuo.data.listing import Listing
from tushuo.data.locate import Locator
from tushuo.data.merge import Part, clean_captions, merge, require_one_version
from tushuo.data.record import Record, Split
from tushuo.data.sidecar import SIDECARS, read_sidecars, sidecar_stem
from tushuo.data.split_names import split_in_name, split_of_folder
from tushuo.errors import DataError
from tushuo.pictures.finding import EXTENSIONS
from tushuo.runtime import readable
from tushuo.text.tokenization import Language

MAX_DEPTH = 3  # folders below the data folder in which caption files are searched for
KNOWN = (
    "COCO, Karpathy or TextCaps JSON, a Flickr token file, CSV, TSV, JSONL, a JSON list, a "
    "WebDataset tar or parquet file of image and caption, or pictures with text files"
)
SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    """One file that was read, or all text files of a folder.

    Attributes:
        file: its name, below the data folder.
        form: the name of its form.
        pictures: how many pictures it has captions of.
        captions: how many captions it has.
        splits: pictures in each split; "none" without one.
    """

    file: str
    form: str
    pictures: int
    captions: int
    splits: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Caption data as it was read.

    Attributes:
        records: the pictures.
        files: the files that were read.
        passed_over: other files that may be caption data, with the reason.
    """

    records: list[Record]
    files: list[FileRead]
    passed_over: dict[str, str]


def read_data(path: Path, images: Path | None, language: Language) -> Reading:
    """Read a caption file, or a folder; see `tushuo.data.read`.

    Raises:
        DataError: there is no data of a known form, it is broken, or a picture is in two splits.
    """
    if path.is_dir():
        return _read_folder(path, images, language)
    if not path.exists():
        raise DataError(f"{path} does not exist; name a caption file, or a folder with one")
    content = Content(path)
    form = recognise(content)
    if isinstance(form, Unknown):
        reason = form.reason if form.damaged else f"{path} {form.reason}"
        raise DataError(reason if form.damaged else f"{reason}; expected {KNOWN}")
    above = path.parent.parent if path.parent.name == "annotations" else path.parent
    return _read_files([(content, form)], Listing(above), images, {})


def _read_folder(root: Path, images: Path | None, language: Language) -> Reading:
    listing = Listing(root)
    passed_over: dict[str, str] = {}
    damaged: dict[Path, str] = {}
    chosen: list[tuple[Content, str]] = []
    for depth in range(MAX_DEPTH + 1):
        for path in _candidates(listing, depth):
            content = Content(path)
            form = recognise(content)
            if isinstance(form, str):
                chosen.append((content, form))
                continue
            passed_over[_below(path, root)] = form.reason
            if form.damaged:
                damaged[path] = form.reason
        if chosen:
            break
    else:
        return _read_texts(listing, images, passed_over, damaged)
    chosen = _choose(chosen, root, language, passed_over)
    endings = {content.path.suffix for content, _ in chosen}
    for path, reason in damaged.items():
        if path.suffix in endings:
            raise DataError(f"{reason}, or name the file to read")
    return _read_files(chosen, listing, images, passed_over)


def _candidates(listing: Listing, depth: int) -> list[Path]:
    """Return the files of one level that may be caption data; pictures' own text files are not."""
    found = []
    for folder, names in listing.folders:
        if len(folder.parts) - len(listing.root.parts) != depth:
            continue
        pictures = {
            os.path.splitext(name)[0].lower()
            for name in names
            if os.path.splitext(name)[1].lower() in EXTENSIONS
        }
        for name in names:
            is_picture = os.path.splitext(name)[1].lower() in EXTENSIONS
            is_list = any(name.endswith(f".{one}.txt") for one in LISTS)
            if not is_picture and not is_list and sidecar_stem(name, SIDECARS) not in pictures:
                found.append(folder / name)
    return found


def _choose(
    found: list[tuple[Content, str]], root: Path, language: Language, passed_over: dict[str, str]
) -> list[tuple[Content, str]]:
    """Keep the files of the most preferred form; of token files, those of the language."""
    best = min((form for _, form in found), key=list(FORMS).index)
    chosen = [(content, form) for content, form in found if form == best]
    for content, form in found:
        if form != best:
            name = _below(content.path, root)
            passed_over[name] = (
                f"has the form {FORMS[form].title}; {FORMS[best].title} is preferred"
            )
    if best != "tokens":
        return chosen
    kept = [pair for pair in chosen if language_of_tokens(pair[0]) == language]
    if not kept:
        kept = chosen
        other = "en" if language == "zh" else "zh"
        warnings.warn(
            f"{root} has captions in {other} alone, not in {language}; use --data-language {other}",
            stacklevel=2,
        )
    plain = [pair for pair in kept if LEMMAS not in pair[0].path.name] or kept
    for content, _ in chosen:
        if content not in [one for one, _ in plain]:
            reason = "is of lemmas" if (content, best) in kept else "is in another language"
            passed_over[_below(content.path, root)] = reason
    return plain


def _read_files(
    chosen: Sequence[tuple[Content, str]],
    listing: Listing,
    images: Path | None,
    passed_over: dict[str, str],
) -> Reading:
    parts, titles = [], {}
    for content, form in sorted(chosen, key=lambda pair: _order(pair[0].path, listing.root)):
        name = _below(content.path, listing.root)
        entries = clean_captions(FORMS[form].read(content), name)
        entries = _with_file_split(entries, content.path, listing.root)
        locator = Locator(content.path, listing, images)
        parts.append(Part(name, entries, [locator.find(entry) for entry in entries]))
        locator.warn()
        titles[name] = FORMS[form].title
    parts, copies = require_one_version(parts)
    records = merge(parts, images or listing.root)
    if not records:
        raise DataError(f"{chosen[0][0].path} has no pictures; name another file")
    splits = {str(record.path): record.split for record in records}
    files = [_summary(part, titles[part.file], splits) for part in parts]
    return Reading(records=records, files=files, passed_over=passed_over | copies)


def _with_file_split(entries: list[Entry], path: Path, root: Path) -> list[Entry]:
    """Fill in the split that the name of the file or its folder states, if its content has none."""
    if any(entry.split for entry in entries):
        return entries
    split = _file_split(path, root)
    return [replace(entry, split=split) for entry in entries] if split else entries


def _file_split(path: Path, root: Path) -> Split | None:
    split = split_in_name(path.stem)
    return split_of_folder(path.parent.name) if split is None and path.parent != root else split


def _order(path: Path, root: Path) -> tuple[int, Path]:
    """Sort training data first, as the splits are listed everywhere."""
    split = _file_split(path, root)
    return (get_args(Split).index(split) if split else 0), path


def _read_texts(
    listing: Listing, images: Path | None, passed_over: dict[str, str], damaged: dict[Path, str]
) -> Reading:
    root = listing.root
    entries = clean_captions(read_sidecars(listing, images), str(root))
    if not entries:
        if damaged:
            raise DataError(next(iter(damaged.values())))
        reasons = "; ".join(f"{name} {why}" for name, why in list(passed_over.items())[:SHOWN])
        raise DataError(
            f"{root} contains no caption data of a known form"
            + (f" ({reasons})" if reasons else "")
            + f"; expected {KNOWN}"
        )
    part = Part(f"{len(entries)} text files", entries, [Path(entry.name) for entry in entries])
    records = merge([part], images or root)
    splits = {str(record.path): record.split for record in records}
    summary = _summary(part, "pictures with text files", splits)
    return Reading(records=records, files=[summary], passed_over=passed_over)


def _summary(part: Part, title: str, splits: Mapping[str, str | None]) -> FileRead:
    paths = dict.fromkeys(map(str, part.paths))
    return FileRead(
        file=readable(part.file),
        form=title,
        pictures=len(paths),
        captions=sum(len(entry.captions) for entry in part.entries),
        splits=dict(Counter(splits[path] or "none" for path in paths)),
    )


def _below(path: Path, root: Path) -> str:
    below = path.relative_to(root) if path.is_relative_to(root) else path
    return readable(below.as_posix())
