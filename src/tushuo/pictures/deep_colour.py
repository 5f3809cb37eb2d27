"""Colour of 16 bits per channel whose values use fewer: Pillow keeps the high bytes alone."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image, ImageFile

from tushuo.pictures.deep_grey import scale_to_8_bits, top_of

FULL = 64  # a high byte from here on means that all 16 bits are used: 14 bits end below it
OTHER_BYTES = {"B": "L", "L": "B", "N": "B"}  # N is the byte order of the machine, little-endian


def load_deep(image: ImageFile.ImageFile, reopen: Callable[[], ImageFile.ImageFile]) -> Image.Image:
    """Load a picture; scale 16-bit colour to 8 bits by the depth that its highest value needs.

    Grey without alpha is left to `scale_to_8_bits`, since Pillow keeps all of its bits.

    Args:
        image: an opened picture.
        reopen: opens it again.
    """
    modes = {_raw_mode(tile.args) for tile in image.tile}
    image.load()
    raw_mode = modes.pop() if len(modes) == 1 else ""
    if ";16" not in raw_mode or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    high = np.asarray(image)
    count = 4 if image.mode == "CMYK" else 3
    if high[..., :count].max() >= FULL:
        return image
    values = high.astype(np.uint16) << 8 | _low_bytes(reopen(), raw_mode)
    deep = Image.fromarray(scale_channels(values, count), image.mode)
    deep.info = image.info
    return deep


def scale_channels(
    values: Shaped[np.ndarray, "height width channels"], count: int
) -> UInt8[np.ndarray, "height width channels"]:
    """Scale colours to 8 bits by their range, and alpha by its own or theirs, whichever is larger.

    Args:
        values: colours, and alpha behind them if there is any.
        count: channels of colour.

    Raises:
        PictureError: the colours have no known range.
    """
    scaled = np.empty(values.shape, np.uint8)
    flat = values[..., :count].reshape(len(values), -1)
    scaled[..., :count] = scale_to_8_bits(flat).reshape(*values.shape[:2], count)
    if count < values.shape[2]:
        alpha = values[..., count:]
        highest = float(max(flat.max(), alpha.max()))
        scaled[..., count:] = np.rint(alpha.clip(0) * (255 / (top_of(highest, values.dtype) or 1)))
    return scaled


def _raw_mode(args: object) -> str:
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _low_bytes(image: ImageFile.ImageFile, raw_mode: str) -> np.ndarray:
    """Decode the low bytes: those that the other byte order would call the high ones."""
    grey_and_alpha = raw_mode == "LA;16B"
    other = "RGBA" if grey_and_alpha else raw_mode[:-1] + OTHER_BYTES[raw_mode[-1]]
    image.tile = [
        tile._replace(args=(other, *tile.args[1:]) if isinstance(tile.args, tuple) else other)
        for tile in image.tile
    ]
    image.load()
    low = np.asarray(image)
    return low[..., [1, 1, 1, 3]] if grey_and_alpha else low
