"""Open any picture safely: RGB, HWC, uint8, upright.

Pictures are untrusted: the format is told by content and must be a common one, the size is known
before a pixel is decoded, and every failure is one ``PictureError``.
"""

import glob
import io
import struct
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from tushuo.errors import PictureError

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")
# HEIC is not opened, since its decoder for Pillow ends the process on some damaged files; but a
# folder's are found, so that they are named and not passed over.
EXTENSIONS = {".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".avif", ".heic", ".heif",
              ".bmp", ".tif", ".tiff"}  # fmt: skip
MAX_PIXELS = 100_000_000
MAX_BYTES = 200_000_000

# What Pillow is known to raise on damaged files, beside OSError.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, struct.error, EOFError, IndexError, KeyError,
                  TypeError, OverflowError, MemoryError, RuntimeError)  # fmt: skip


def open_picture(
    source: Path | bytes, *, at_least: int | None = None
) -> UInt8[np.ndarray, "height width 3"]:
    """Open a picture file, given as a path or as its bytes.

    The first frame of an animation counts; transparency lies on white; EXIF rotation is applied.

    Args:
        source: where the picture lies, or its content.
        at_least: smallest short side, in pixels, that is still of use; large JPEGs are then decoded
            at a fraction of their size, which is several times faster.

    Raises:
        PictureError: it cannot be opened; the message says what was found.
    """
    name = "the picture" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _read(source)
    if not content:
        raise PictureError(f"{name} is empty; expected a picture file")
    if len(content) > MAX_BYTES:
        raise PictureError(f"{name} has {len(content)} bytes; at most {MAX_BYTES} are opened")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise PictureError(
                        f"{name} would have {width} x {height} pixels; at most {MAX_PIXELS} in all "
                        "are opened, make it smaller"
                    )
                if at_least:
                    image.draft("RGB", (at_least, at_least))
                return np.asarray(_upright_rgb(image)).copy()
    except PictureError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, which is the higher one
        raise PictureError(
            f"{name} has many more pixels than the {MAX_PIXELS} that are opened; make it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{name} is not a picture, {_found(content)}") from error
    except _PILLOW_ERRORS as error:
        raise PictureError(
            f"{name} is damaged and cannot be decoded: {error}; fetch it or save it again"
        ) from error


def find_pictures(arguments: Iterable[str]) -> list[Path]:
    """Turn files, folders and globs into picture paths, in order.

    Folders are searched to the bottom for files with a picture's ending. A path that is not there,
    and a folder without pictures, are kept, so that whoever opens them says so.
    """
    found: list[Path] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in EXTENSIONS)
            found += inside or [path]
        elif not path.exists() and glob.has_magic(argument):
            found += sorted(map(Path, glob.glob(argument, recursive=True))) or [path]
        else:
            found.append(path)
    return found


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PictureError(f"{path} is larger than {MAX_BYTES} bytes; make it smaller")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PictureError(f"{path} is not there; name a picture file that is") from error
    except IsADirectoryError as error:
        raise PictureError(f"{path} is a folder{_inside(path)}") from error
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise PictureError(
            f"{path} cannot be read: {said}; name another file, or change its permissions"
        ) from error


def _inside(folder: Path) -> str:
    """Say what a folder holds where one picture was expected."""
    first = find_pictures([str(folder)])[0]
    if first == folder:
        return f" without pictures; expected files that end in {', '.join(sorted(EXTENSIONS))}"
    return f"; expected one picture, such as {first}"


def _upright_rgb(image: Image.Image) -> Image.Image:
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        # 16-bit grey: Pillow would clip at 255 where the high byte is meant
        deep = np.asarray(upright, dtype=np.float64)
        scale = 257.0 if upright.mode.startswith("I") else 1.0
        upright = Image.fromarray((deep / scale).clip(0, 255).astype(np.uint8))
    if upright.has_transparency_data:
        coloured = upright.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        upright = Image.alpha_composite(white, coloured)
    return upright.convert("RGB")


def _found(content: bytes) -> str:
    start = content[:256].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<svg")):
        return "it holds a web page or other markup; was the download refused?"
    if content[4:8] == b"ftyp":  # the box that ISO media files begin with
        kind = content[8:12].decode("ascii", errors="replace").strip()
        return f"it is {kind!r}, as of phones and films; save it as one of {', '.join(FORMATS)}"
    return f"it begins with {content[:8]!r}; expected one of {', '.join(FORMATS)}"
