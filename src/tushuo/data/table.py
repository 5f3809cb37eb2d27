"""Tables of path and caption: CSV, TSV and JSONL; Flickr's ``captions.txt`` is such a CSV.

The columns may be called ``image`` (or image_path, path, file, filename, file_name) and ``caption``
(or text, sentence, comment); a table of two columns without such a head is taken as it is. A column
``split`` is honoured. Rows of one picture are put together.
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
    """Read one table; pictures are looked for in ``images``, or beside the file, or in ``images/``.

    Raises:
        DataError: a row has no picture or no caption, or the file is not UTF-8 text.
    """
    captions: dict[str, list[str]] = {}
    splits: dict[str, str | None] = {}
    for name, caption, split in _json_rows(path) if path.suffix == ".jsonl" else _csv_rows(path):
        if split is not None and split not in SPLITS:
            raise DataError(f"{path}: {name} has the split {split!r}; known: {', '.join(SPLITS)}")
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
            captions=tuple(told),
            split=cast(Split | None, splits[name]),
        )
        for name, told in captions.items()
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
            head = [cell.strip().lower() for cell in row]
            columns, is_head = _columns(head)
            if is_head:
                continue
        image, caption, split = columns
        if len(row) <= max(image, caption) or not row[image].strip():
            raise DataError(
                f"{path}, row {number}: {','.join(row)[:60]!r} has no picture and caption; quote "
                "captions that hold the separator"
            )
        yield row[image].strip(), row[caption].strip(), row[split] or None if split else None


def _columns(head: list[str]) -> tuple[tuple[int, int, int | None], bool]:
    """Find the columns; the second value says whether the first row is a head."""
    image = next((head.index(name) for name in IMAGE if name in head), None)
    caption = next((head.index(name) for name in CAPTION if name in head), None)
    if image is None or caption is None:
        return (0, 1, None), False
    return (image, caption, head.index("split") if "split" in head else None), True


def _json_rows(path: Path) -> Iterator[Row]:
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=dict[str, object])
        except msgspec.DecodeError as error:
            raise DataError(f"{path}, line {number} is not a JSON object: {error}") from error
        image = next((row[name] for name in IMAGE if name in row), None)
        told = next((row[name] for name in (*CAPTION, "captions") if name in row), None)
        captions = told if isinstance(told, list) else [told]
        if not isinstance(image, str) or not all(isinstance(c, str) for c in captions):
            raise DataError(
                f"{path}, line {number}: expected image and caption as text, came {line[:60]!r}"
            )
        split = row.get("split")
        for caption in captions:
            yield image, str(caption), None if split is None else str(split)
