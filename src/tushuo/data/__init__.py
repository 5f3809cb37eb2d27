"""Caption data: any of the field's forms becomes one list of records."""

from pathlib import Path
from typing import Literal

from tushuo.data.coco import read_coco
from tushuo.data.flickr import LINE, read_flickr
from tushuo.data.record import Record, Split
from tushuo.errors import DataError

__all__ = ["Record", "Split", "read"]


def read(
    path: Path, *, images: Path | None = None, language: Literal["en", "zh"] = "en"
) -> list[Record]:
    """Read caption data; its form is told by its content.

    Args:
        path: a file, or a folder that holds such files.
        images: where the pictures lie; without it, in a folder ``images`` beside the file.
        language: which captions are meant, where a folder holds English and Chinese ones.

    Raises:
        DataError: nothing there is of a known form.
    """
    if path.is_file():
        return _read_file(path, images)
    if not path.is_dir():
        raise DataError(f"{path} is not there; name a caption file or a folder that holds one")
    tokens = [file for file in sorted(path.glob("*.txt")) if _is_token_file(file)]
    chosen = [file for file in tokens if ("#zhc#" in _head(file)) == (language == "zh")]
    if chosen:
        return read_flickr(chosen[0], images=images)
    parts: tuple[Split, ...] = ("train", "val", "test")
    records = [
        record
        for part in parts
        for file in sorted(path.glob(f"*{part}*.json"))
        for record in read_coco(file, images=images, split=part)
    ]
    if not records:
        raise DataError(
            f"{path} holds no caption data of a known form; expected COCO JSON or a token file"
        )
    return records


def _read_file(path: Path, images: Path | None) -> list[Record]:
    if path.suffix == ".json":
        return read_coco(path, images=images)
    if _is_token_file(path):
        return read_flickr(path, images=images)
    raise DataError(f"{path} is of no known form; expected COCO JSON or a token file")


def _is_token_file(path: Path) -> bool:
    return LINE.match(_head(path).split("\n", 1)[0].strip()) is not None


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(1000).decode("utf-8-sig", errors="ignore")
