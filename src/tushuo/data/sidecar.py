"""A folder of pictures, each with a text file of the same name: one caption per line."""

from pathlib import Path

from tushuo.data.lines import read_lines
from tushuo.data.record import Record
from tushuo.pictures.finding import EXTENSIONS


def read_sidecars(folder: Path, *, images: Path | None = None) -> list[Record]:
    """Read every picture that has a text file beside it; others are skipped.

    Raises:
        DataError: a text file is not UTF-8.
    """
    records = []
    for path in sorted((images or folder).rglob("*")):
        if path.suffix.lower() not in EXTENSIONS:
            continue
        text = (folder / path.relative_to(images or folder)).with_suffix(".txt")
        if not text.is_file():
            continue
        captions = tuple(line.strip() for line in read_lines(text) if line.strip())
        name = path.relative_to(images or folder).as_posix()
        records.append(Record(image_id=name, path=path, captions=captions))
    return records
