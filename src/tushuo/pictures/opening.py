"""Decode untrusted picture files safely: RGB, HWC, uint8, upright.

The format is recognised by content and must be one of ``FORMATS``, the number of pixels is checked
before any is decoded, and every failure is a ``PictureError``. Nothing here changes global state,
so pictures can be opened from several threads.
"""

import io
import struct
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from tushuo.errors import PictureError
from tushuo.pictures.finding import describe_folder

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")
MAX_PIXELS = 100_000_000
MAX_BYTES = 200_000_000

# What Pillow is known to raise on damaged files, besides OSError.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, struct.error, EOFError, IndexError, KeyError,
                  TypeError, OverflowError, MemoryError, RuntimeError)  # fmt: skip


@runtime_checkable
class Readable(Protocol):
    """A file object."""

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes."""
        ...


def open_picture(
    source: Path | bytes, *, at_least: int | None = None
) -> UInt8[np.ndarray, "height width 3"]:
    """Decode a picture file, given as a path or as its content.

    Only the first frame of an animation is decoded; transparent pixels are composited on white;
    EXIF orientation is applied.

    Args:
        source: path or content of the file.
        at_least: smallest short side, in pixels, that the caller needs; large JPEGs are then
            decoded at a fraction of their size, which is several times faster.

    Raises:
        PictureError: the file cannot be opened; the message says what was found instead.
    """
    name = "the picture" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _read_file(source)
    if not content:
        raise PictureError(f"{name} is empty; expected a picture file")
    if len(content) > MAX_BYTES:
        raise PictureError(f"{name} has {len(content)} bytes; at most {MAX_BYTES} are accepted")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            require_few_pixels(name, *image.size)
            if at_least:
                image.draft("RGB", (at_least, at_least))
            return to_upright_rgb(image)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, which is higher than ours
        raise PictureError(
            f"{name} has far more than {MAX_PIXELS} pixels, the most accepted; make it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{name} is not a picture, {_describe_content(content)}") from error
    except _PILLOW_ERRORS as error:
        raise PictureError(
            f"{name} is damaged and cannot be decoded: {error}; download or save it again"
        ) from error


def read_stream(file: Readable) -> bytes:
    """Read a picture from a file object, at most one byte beyond the limit.

    Raises:
        PictureError: the file is opened in text mode or cannot be read.
    """
    try:
        content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PictureError(f"the picture cannot be read from the file object: {error}") from error
    if not isinstance(content, bytes | bytearray):
        raise PictureError(
            f"the file object returned {type(content).__name__}, expected bytes; "
            "open the file in binary mode ('rb')"
        )
    return bytes(content)


def require_few_pixels(name: str, width: int, height: int) -> None:
    """Reject pictures that are empty or too large to be processed safely.

    Raises:
        PictureError: it has no pixels, or more than ``MAX_PIXELS``.
    """
    if width * height == 0:
        raise PictureError(f"{name} has {width} x {height} pixels; expected at least one")
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{name} has {width} x {height} pixels; at most {MAX_PIXELS} in total are accepted, "
            "make it smaller"
        )


def to_upright_rgb(image: Image.Image) -> UInt8[np.ndarray, "height width 3"]:
    """Decode a Pillow image of any mode: EXIF orientation applied, alpha composited on white."""
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        grey = np.asarray(upright, dtype=np.float64)
        upright = Image.fromarray(_scale_grey(grey, upright.mode).clip(0, 255).astype(np.uint8))
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(upright.convert("RGB")).copy()


def _scale_grey(
    grey: Float64[np.ndarray, "height width"], mode: str
) -> Float64[np.ndarray, "height width"]:
    """Scale deep grey values to 0 to 255; Pillow would clip them instead.

    The modes do not state their range: integers above 255 are 16-bit, floats up to 1 are shares.
    """
    highest = grey.max(initial=0)
    if mode == "F":
        return np.rint(grey * 255) if highest <= 1 else grey
    return grey / 257 if highest > 255 else grey


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PictureError(f"{path} is larger than {MAX_BYTES} bytes; make it smaller")
        return path.read_bytes()
    except PictureError:
        raise
    except FileNotFoundError as error:
        raise PictureError(f"{path} does not exist; name an existing picture file") from error
    except IsADirectoryError as error:
        raise PictureError(f"{path} is a folder{describe_folder(path)}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PictureError(
            f"{path} cannot be read: {reason}; name another file, or change its permissions"
        ) from error


def _describe_content(content: bytes) -> str:
    start = content[:256].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<svg")):
        return "it contains a web page or other markup; was the download refused?"
    if content[4:8] == b"ftyp":  # the box that ISO media files begin with
        kind = content[8:12].decode("ascii", errors="replace").strip()
        return f"it is a phone or film format ({kind!r}); save it as one of {', '.join(FORMATS)}"
    return f"it begins with {content[:8]!r}; expected one of {', '.join(FORMATS)}"
