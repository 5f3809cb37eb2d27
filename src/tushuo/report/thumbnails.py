"""Small copies of pictures, embedded in a page."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from tushuo.errors import PictureError
from tushuo.pictures.finding import find_pictures
from tushuo.pictures.opening import open_picture
from tushuo.runtime import path_of_readable

SIDE, SMALL_SIDE = 320, 200  # pixels
MANY = 1500  # number of pictures from which on thumbnails have the small side
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
"""Returns the present path of a picture, given its id and its former path."""


def at_former_path(image_id: str, path: str | None) -> Path | None:
    """Return the path that the picture had when it was captioned, if known."""
    return path_of_readable(path) if path else None


def in_folder(folder: Path) -> Find:
    """Return a function that finds pictures in a folder by their id or former file name.

    A file name equals the id or the former name, or ends in the id, as in MS-COCO
    (``COCO_val2014_000000391895.jpg`` is 391895).
    """
    paths = _by_name(find_pictures([str(folder)]))
    return lambda image_id, path: (
        paths.get(Path(path).name if path else image_id) or paths.get(image_id)
    )


def _by_name(files: Iterable[Path]) -> Mapping[str, Path]:
    paths: dict[str, Path] = {}
    for file in files:
        number = file.stem.rpartition("_")[2]
        for name in (file.name, file.stem, number.lstrip("0") if number.isdigit() else file.name):
            paths.setdefault(name, file)
    return paths
