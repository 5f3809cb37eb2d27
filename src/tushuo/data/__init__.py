"""Caption data: read any common format into a list of records."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tushuo.data.coco import read_coco
from tushuo.data.flickr import LINE, read_flickr
from tushuo.data.karpathy import read_karpathy
from tushuo.data.record import Record, Split
from tushuo.data.sidecar import read_sidecars
from tushuo.data.table import read_table
from tushuo.errors import DataError

__all__ = ["READERS", "Record", "Split", "read"]

Reader = Callable[..., list[Record]]
READERS: dict[str, Reader] = {
    "coco": read_coco,
    "karpathy": read_karpathy,
    "flickr": read_flickr,
    "table": read_table,
    "sidecars": read_sidecars,
}
KNOWN = (
    "COCO or Karpathy JSON, a Flickr token file, CSV, TSV or JSONL of image and caption, "
    "or pictures with text files"
)


def read(
    path: Path | str, *, images: Path | str | None = None, language: Literal["en", "zh"] = "en"
) -> list[Record]:
    """Read caption data; its format is recognised by its content.

    Args:
        path: a file, or a folder with such files or with pictures and text files.
        images: folder of the pictures; None: a folder ``images`` beside the file.
        language: language of the captions to read, where a folder has English and Chinese ones.

    Raises:
        DataError: there is no data of a known format, or no such folder of pictures.
    """
    path, images = Path(path), Path(images) if images is not None else None
    if images is not None and not images.is_dir():
        raise DataError(f"{images} is not a folder; name the folder of the pictures with --images")
    if path.is_file():
        kind = _format(path)
        if kind is None:
            raise DataError(f"{path} has no known format; expected {KNOWN}")
        return READERS[kind](path, images=images)
    if not path.is_dir():
        raise DataError(f"{path} does not exist; name a caption file, or a folder with one")
    records = _read_folder(path, images, language)
    if not records:
        raise DataError(f"{path} contains no caption data of a known format; expected {KNOWN}")
    return records


def _read_folder(path: Path, images: Path | None, language: Literal["en", "zh"]) -> list[Record]:
    """Read the first kind of caption data in a folder, in the order below."""
    files = [file for file in sorted(path.iterdir()) if file.is_file()]
    files += sorted(path.glob("annotations/captions_*.json"))  # MS-COCO as unpacked
    formats = {file: _format(file) for file in files}
    tokens = [file for file, kind in formats.items() if kind == "flickr"]
    for file in tokens:
        if ("#zhc#" in _head(file)) == (language == "zh"):
            return read_flickr(file, images=images)
    for kind in ("karpathy", "table"):
        for file in files:
            if formats[file] == kind:
                return READERS[kind](file, images=images)
    parts: tuple[Split, ...] = ("train", "val", "test")
    records = [
        record
        for part in parts
        for file in files
        if formats[file] == "coco" and part in file.stem
        for record in read_coco(file, images=images, split=part)
    ]
    return records or read_sidecars(path, images=images)


def _format(path: Path) -> str | None:
    """Recognise a format by the first bytes; the extension only separates CSV from plain text."""
    head = _head(path)
    first = head.split("\n", 1)[0].strip()
    if path.suffix == ".json":
        return "karpathy" if '"sentences"' in head or '"sentids"' in head else "coco"
    if LINE.match(first):
        return "flickr"
    if path.suffix in (".csv", ".tsv", ".jsonl") or first.replace(" ", "") == "image,caption":
        return "table"
    return None


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(2000).decode("utf-8-sig", errors="ignore")
