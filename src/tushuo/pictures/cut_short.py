"""Decode files that are cut short, and measure how much of the picture they hold.

No reader states where its data ended. It shows where two decodings differ: of the file with two
different fillings behind it (JPEG, WebP), or over two different backgrounds (all others).
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool
from PIL import Image, ImageFile

from tushuo.pictures import jpeg
from tushuo.pictures.containers import webp_filled_up
from tushuo.pictures.png import is_apple

ENOUGH = 0.9  # share of the picture that must be there
BLOCK_ROWS = 17  # of JPEG and WebP: 16 of a block, and one above, which smoothing changes
WEBP_FILLINGS = (0x00, 0x55, 0xAA, 0xFF, 0x33, 0xCC)  # some of which the decoder may refuse
MOST_PER_BYTE = 3000  # pixels; what LZW can reach: larger claims are not worth decoding thrice
FILLING = 64  # bytes behind a JPEG: enough to decode to something else than nothing

Open = Callable[[bytes], ImageFile.ImageFile]


@dataclass(frozen=True)
class Part:
    """What could be decoded: missing rows repeat the row above them.

    Attributes:
        image: the loaded picture.
        share: of its area that the file holds.
    """

    image: Image.Image
    share: float


def decode_part(
    kind: str, content: bytes, open_image: Open, errors: tuple[Any, ...]
) -> Part | None:
    """Decode what a file of one of ``FORMATS`` holds; return None where that cannot be measured.

    Args:
        kind: the format.
        content: the file.
        open_image: opens a file without decoding it.
        errors: what decoding may raise.
    """
    if kind == "JPEG":
        if not jpeg.all_scans_have_begun(content):
            return None
        start = content.rstrip(b"\xff")  # half of a marker
        end = b"\xff\xd9"
        fillings = (end, *(_jpeg_filling(value) + end for value in (0x55, 0xAA)))
        if jpeg.is_refined_last(content):
            image = open_image(start + end)
            image.load()
            return Part(image, 1.0)
        return _by_filling((start + filling for filling in fillings), open_image, errors)
    if kind == "WEBP":
        filled = (webp_filled_up(content, filling) for filling in WEBP_FILLINGS)
        return _by_filling((one for one in filled if one), open_image, errors)
    if kind == "AVIF" or (kind == "PNG" and is_apple(content)):
        return None
    return _by_background(content, open_image, errors)


def _jpeg_filling(value: int) -> bytes:
    """Return pixel data of one value, also behind each restart, since the next one is unknown."""
    data = bytes([value]) * FILLING
    return data + b"".join(bytes([0xFF, 0xD0 + number]) + data for number in range(8))


def _by_filling(
    contents: Iterable[bytes], open_image: Open, errors: tuple[Any, ...]
) -> Part | None:
    images: list[Image.Image] = []
    for content in contents:
        with suppress(*errors):
            image = open_image(content)
            if image.width * image.height <= MOST_PER_BYTE * len(content):
                image.load()
                images.append(image)
        if len(images) == 2:
            break
    else:
        return None
    differ = _differ(*images)
    rows = np.flatnonzero(differ.any(axis=1))
    if not rows.size:
        return Part(images[0], 1.0)
    height, width = differ.shape
    top, bottom = rows[0], min(rows[0] + BLOCK_ROWS, height)
    left = np.flatnonzero(differ[top:bottom].any(axis=0))[0]
    missing = (bottom - top) * (width - left) + (height - bottom) * width
    return Part(_repeat_rows(images[0], np.arange(height) < top), 1 - missing / differ.size)


def _by_background(content: bytes, open_image: Open, errors: tuple[Any, ...]) -> Part | None:
    images = []
    for background in (None, 0, 255):
        image = open_image(content)
        whole_at_once = any(tile.codec_name == "libtiff" for tile in image.tile)
        if whole_at_once or image.width * image.height > MOST_PER_BYTE * len(content):
            return None
        if image.tile:  # where the picture lies on the canvas, of some GIFs
            left, top, right, bottom = image.tile[0].extents or (0, 0, *image.size)
        if background is not None:
            _prefill(image, background)
        with suppress(*errors):
            image.load()
        image.tile = []  # what is decoded counts as loaded
        images.append(image)
    if any(image._im is None or image.size != images[0].size for image in images):
        return None
    if len({image.mode for image in images}) > 1:
        return None
    whole = ~np.any(_differ(images[1], images[2])[:, left:right], axis=1)
    inside = whole[top:bottom]
    return Part(_repeat_rows(images[0], whole), float(inside.mean()) if inside.size else 0.0)


def _prefill(image: ImageFile.ImageFile, value: int) -> None:
    """Let an image be decoded over a background of one value."""
    prepare = image.load_prepare

    def prepare_filled() -> None:
        prepare()
        bands = Image.getmodebands(image.im.mode)
        colour = value if bands == 1 else (value,) * bands
        image.im = Image.core.fill(image.im.mode, image.im.size, colour)  # type: ignore[attr-defined]

    image.load_prepare = prepare_filled  # type: ignore[method-assign]


def _differ(first: Image.Image, second: Image.Image) -> Bool[np.ndarray, "height width"]:
    differ: np.ndarray = np.not_equal(np.asarray(first), np.asarray(second))
    return np.any(differ.reshape(*differ.shape[:2], -1), axis=2)


def _repeat_rows(image: Image.Image, whole: Bool[np.ndarray, " height"]) -> Image.Image:
    """Replace each row that is not whole by the last whole one above it, if any."""
    last = None
    for y, row_is_whole in enumerate(whole):
        if row_is_whole:
            last = y
        elif last is not None:
            image.paste(image.crop((0, last, image.width, last + 1)), (0, y))
    return image
