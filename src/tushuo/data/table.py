"""Tables of path and caption: CSV, TSV and JSONL, including Flickr's ``captions.txt``.

The columns may be called ``image`` (or image_path, path, file, filename, file_name) and ``caption``
(or text, sentence, comment); a table of two columns needs no header. A column ``split`` is used.
Rows of the same picture are merged.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec

from tushuo.data.lines import read_lines
from tushuo.data.record import Record, Split
from tushuo.errors import DataError

IMAGE = ("image", "image_path", "path", "file", "filename", "file_name", "image_name")
CAPTION = ("caption", "text", "sentence", "comment")
SPLITS = ("train", "val", "test")

Row = tuple[str, str, str | None]  # picture, caption, split


def read_table(path: Path, *, images: Path | None = None) -> list[Record]:
    """Read one table; pictures are in ``images``, or beside the file, or in ``images/`` beside it.

    Raises:
        DataError: a row lacks a picture or a caption, or the file is not UTF-8 text.
    """
    captions: dict[str, list[str]] = {}
    splits: dict[str, str | None] = {}
    for name, caption, split in _json_rows(path) if path.suffix == ".jsonl" else _csv_rows(path):
        if split is not None and split not in SPLITS:
            raise DataError(
                f"{path}: {name} has the unknown split {split!r}; known: {', '.join(SPLITS)}"
            )
        captions.setdefault(name, []).append(caption)
        splits[name] = split
    folder = images or (
        path.parent / "images" if (path.parent / "images").is_dir() else path.parent
    )
    return [
        Record(
            image_id=name,
            path=folder / name
            if images or not (path.parent / name).exists()
            else path.parent / name,
            captions=tuple(texts),
            split=cast(Split | None, splits[name]),
        )
        for name, texts in captions.items()
    ]


def _csv_rows(path: Path) -> Iterator[Row]:
    lines = read_lines(path)
    tab = path.suffix == ".tsv" or (bool(lines) and "\t" in lines[0])
    rows = csv.reader(lines, delimiter="\t" if tab else ",", skipinitialspace=True)
    columns: tuple[int, int, int | None] | None = None
    for number, row in enumerate(rows, 1):
        if not row:
            continue
        if columns is None:
            header = [cell.strip().lower() for cell in row]
            columns, is_header = _columns(header)
            if is_header:
                continue
        image, caption, split = columns
        if len(row) <= max(image, caption) or not row[image].strip():
            raise DataError(
                f"{path}, row {number}: {','.join(row)[:60]!r} lacks a picture or a caption; quote "
                "captions that contain the separator"
            )
        yield row[image].strip(), row[caption].strip(), row[split] or None if split else None


def _columns(header: list[str]) -> tuple[tuple[int, int, int | None], bool]:
    """Return the columns, and whether the first row is a header."""
    image = next((header.index(name) for name in IMAGE if name in header), None)
    caption = next((header.index(name) for name in CAPTION if name in header), None)
    if image is None or caption is None:
        return (0, 1, None), False
    return (image, caption, header.index("split") if "split" in header else None), True


def _json_rows(path: Path) -> Iterator[Row]:
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=dict[str, object])
        except msgspec.DecodeError as error:
            raise DataError(f"{path}, line {number} is not a JSON object: {error}") from error
        image = next((row[name] for name in IMAGE if name in row), None)
        value = next((row[name] for name in (*CAPTION, "captions") if name in row), None)
        captions = value if isinstance(value, list) else [value]
        if not isinstance(image, str) or not all(isinstance(c, str) for c in captions):
            raise DataError(
                f"{path}, line {number}: expected image and caption as text, got {line[:60]!r}"
            )
        split = row.get("split")
        for caption in captions:
            yield image, str(caption), None if split is None else str(split)
