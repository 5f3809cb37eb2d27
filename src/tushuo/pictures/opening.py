"""Decode untrusted picture files safely: RGB, HWC, uint8, upright.

The format is recognised by content and must be one of ``FORMATS``, the number of pixels is checked
before any is decoded, and every failure is a ``PictureError``. Damaged metadata is ignored. Nothing
here changes global state, so pictures can be opened from several threads.
"""

import io
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from tushuo.errors import PictureError
from tushuo.pictures.deep_grey import scale_to_8_bits
from tushuo.pictures.finding import describe_folder
from tushuo.pictures.png import is_png, without_metadata

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")
MAX_PIXELS = 100_000_000
MAX_BYTES = 200_000_000

# What Pillow is known to raise on damaged files, besides OSError.
PILLOW_ERRORS = (OSError, SyntaxError, ValueError, struct.error, EOFError, IndexError, KeyError,
                 TypeError, OverflowError, MemoryError, RuntimeError, AssertionError)  # fmt: skip


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
        try:
            return _decode(content, name, at_least)
        except PILLOW_ERRORS:
            if not is_png(content):
                raise
            return _decode(without_metadata(content), name, at_least)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, which is higher than ours
        raise PictureError(
            f"{name} has far more than {MAX_PIXELS} pixels, the most accepted; make it smaller"
        ) from error
    except PILLOW_ERRORS as error:
        raise PictureError(f"{name} {_describe_failure(content, error)}") from error


def read_stream(file: Readable) -> bytes:
    """Read a picture from a file object, at most one byte beyond the limit.

    Raises:
        PictureError: the file is opened in text mode or cannot be read.
    """
    content = bytearray()
    try:
        while len(content) <= MAX_BYTES:  # pipes and sockets return less than was asked for
            part = file.read(MAX_BYTES + 1 - len(content))
            if isinstance(part, str):
                raise PictureError("the file object returns text; open it in binary mode ('rb')")
            if not part:
                break
            content += part
    except PictureError:
        raise
    except UnicodeDecodeError as error:
        raise PictureError("the file object decodes text; open it in binary mode ('rb')") from error
    except Exception as error:  # file objects of other libraries raise errors of their own
        raise PictureError(f"the picture cannot be read from the file object: {error}") from error
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
    """Decode a Pillow image of any mode: EXIF orientation applied, alpha composited on white.

    Raises:
        PictureError: a float image has values of no known range.
    """
    image.load()
    upright = image
    with suppress(*PILLOW_ERRORS):  # damaged EXIF
        upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        upright = Image.fromarray(scale_to_8_bits(np.asarray(upright)))
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(upright.convert("RGB")).copy()


def _decode(content: bytes, name: str, at_least: int | None) -> UInt8[np.ndarray, "height width 3"]:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        require_few_pixels(name, *image.size)
        if at_least:
            image.draft("RGB", (at_least, at_least))
        return to_upright_rgb(image)


def _read_file(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # reading one may never end
            raise PictureError(
                f"{path} is a pipe, a socket or a device; name a file, or pass - and pipe the "
                "picture into standard input"
            )
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # the file may grow
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


def _describe_failure(content: bytes, error: Exception) -> str:
    """Say what a file is that cannot be decoded."""
    start = content[:256].lstrip().lower()
    formats = ", ".join(FORMATS)
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<svg")):
        return "is not a picture, it contains a web page or other markup; was the download refused?"
    is_avif = content[4:12] in (b"ftypavif", b"ftypavis")
    if content[4:8] == b"ftyp" and not is_avif:  # ISO media files
        kind = content[8:12].decode("ascii", errors="replace").strip()
        return f"is a HEIF image or a video ({kind!r}); save it as one of {formats}"
    if not isinstance(error, UnidentifiedImageError):
        return f"is damaged and cannot be decoded: {error}; download or save it again"
    if is_avif or is_png(content):
        return "is damaged and cannot be decoded; download or save it again"
    return f"is not a picture, it begins with {content[:8]!r}; expected one of {formats}"
