"""A decoded Pillow image of any mode to RGB: sRGB colours, upright, on a background."""

from contextlib import suppress
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from tushuo.pictures.colour import to_srgb
from tushuo.pictures.deep_grey import scale_to_8_bits
from tushuo.pictures.tiff import ORIENTATION, read_directory

TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
EXIF_START = b"Exif\0\0"
VANISHING = 246  # where no channel is darker than this on white, nothing can be seen


def to_upright_rgb(
    image: Image.Image, errors: tuple[Any, ...], *, orientation: int | None = None
) -> UInt8[np.ndarray, "height width 3"]:
    """Convert a Pillow image of any mode: EXIF orientation applied, colours converted to sRGB.

    Alpha is composited on white, or on black where the picture would vanish on white, such as a
    white logo.

    Args:
        image: the image; it is loaded if it is not.
        errors: what Pillow may raise for damaged metadata, which is ignored.
        orientation: that of EXIF; default: read from the image.

    Raises:
        PictureError: a grey image of more than 8 bits has values of no known range.
    """
    image.load()
    upright = _eight_bits(image)
    if upright.has_transparency_data and upright.mode != "LA":
        upright = upright.convert("RGBA")
    elif upright.mode not in ("L", "LA", "CMYK", "RGB"):
        upright = upright.convert("RGB")
    upright = to_srgb(upright)
    if upright.has_transparency_data:
        upright = _on_background(upright.convert("RGBA"))
    if orientation is None:
        orientation = _orientation(image, errors)
    transpose = TRANSPOSES.get(orientation)
    upright = upright.convert("RGB")
    return np.asarray(upright if transpose is None else upright.transpose(transpose)).copy()


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale deep grey; a transparent value of it becomes alpha."""
    transparent = image.info.get("transparency")
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        scaled = Image.fromarray(scale_to_8_bits(values))
        if isinstance(transparent, int):
            alpha = np.where(values == transparent, 0, 255).astype(np.uint8)
            scaled.putalpha(Image.fromarray(alpha))
        info = {key: value for key, value in image.info.items() if key != "transparency"}
        scaled.info = info
        return scaled
    if isinstance(transparent, tuple) and max(transparent, default=0) > 255:
        image = image.copy()
        image.info["transparency"] = tuple(value >> 8 for value in transparent)  # of 16 bits
    return image


def _on_background(rgba: Image.Image) -> Image.Image:
    flat = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    alpha = np.asarray(rgba.getchannel("A"))
    if alpha.min() < 255 and alpha.max() > 0 and np.asarray(flat).min() >= VANISHING:
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
    return flat


def _orientation(image: Image.Image, errors: tuple[Any, ...]) -> int:
    """Return EXIF's orientation, 1 where it is missing or broken."""
    exif = image.info.get("exif")
    if not isinstance(exif, bytes) or image.format == "TIFF":  # which Pillow turns itself
        exif = b""
    directory = read_directory(exif.removeprefix(EXIF_START))
    own = directory.first(ORIENTATION, 1) if directory else 1
    if directory and directory.claimed > len(exif):
        return own  # Pillow would copy whatever overlapping entries claim
    with suppress(*errors):
        value = image.getexif().get(ORIENTATION, own)  # also of images without a file, and of XMP
        return value if isinstance(value, int) else own
    return own
