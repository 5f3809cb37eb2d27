"""Small pictures for a page that holds them all."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from tushuo.errors import PictureError
from tushuo.pictures.finding import find_pictures
from tushuo.pictures.opening import open_picture

SIDE, SMALL_SIDE = 320, 200  # pixels
MANY = 1500  # pictures: from here on the small side
QUALITY, METHOD = 60, 2  # of WebP; its default method takes twice as long for 4 % fewer bytes


def thumbnails(paths: Iterable[Path | None], *, side: int) -> Iterator[bytes]:
    """Return each picture as a small WebP file, in order; empty where it cannot be opened."""

    def small(path: Path | None) -> bytes:
        try:
            return thumbnail(open_picture(path, at_least=side), side) if path else b""
        except PictureError:
            return b""

    with ThreadPoolExecutor() as pool:  # Pillow decodes without holding the interpreter
        yield from pool.map(small, paths)


def thumbnail(pixels: np.ndarray, side: int) -> bytes:
    """Return a WebP file whose longer side is at most ``side`` pixels."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    content = io.BytesIO()
    image.save(content, "WEBP", quality=QUALITY, method=METHOD)
    return content.getvalue()


Find = Callable[[str, str | None], Path | None]
"""Told a picture's id and where it lay, says where it lies now."""


def where_it_lay(image_id: str, path: str | None) -> Path | None:
    """Find a picture where it was looked at, if that is known."""
    return Path(path) if path else None


def in_folder(folder: Path) -> Find:
    """Return what finds pictures in a folder, by their id or by the name that they had.

    A picture's file has the name of the id or of the file that it was, or ends in the id, as
    MS-COCO's do (``COCO_val2014_000000391895.jpg`` is 391895).
    """
    found = _by_name(find_pictures([str(folder)]))
    return lambda image_id, path: (
        found.get(Path(path).name if path else image_id) or found.get(image_id)
    )


def _by_name(files: Iterable[Path]) -> Mapping[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        number = file.stem.rpartition("_")[2]
        for name in (file.name, file.stem, number.lstrip("0") if number.isdigit() else file.name):
            found.setdefault(name, file)
    return found
