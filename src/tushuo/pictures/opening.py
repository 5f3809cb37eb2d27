"""Decode untrusted picture files safely: RGB, HWC, uint8, upright, sRGB.

The format is recognised by content and must be one of ``FORMATS``, the number of pixels is checked
before any is decoded, and every failure is a ``PictureError``. Damaged metadata is ignored. Nothing
here changes global state, so pictures can be opened from several threads.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageFile, UnidentifiedImageError

from tushuo.errors import PictureError
from tushuo.pictures import containers, jpeg, png, tiff
from tushuo.pictures.cut_short import ENOUGH, decode_part
from tushuo.pictures.deep_colour import load_deep
from tushuo.pictures.deep_tiff import decode_deep_tiff
from tushuo.pictures.formats import FORMATS, describe_other, recognise
from tushuo.pictures.reading import MAX_BYTES, read_file
from tushuo.pictures.upright import to_upright_rgb

MAX_PIXELS = 100_000_000

# What Pillow is known to raise on damaged files, besides OSError.
PILLOW_ERRORS = (OSError, SyntaxError, ValueError, struct.error, EOFError, IndexError, KeyError,
                 TypeError, OverflowError, MemoryError, RuntimeError, AssertionError,
                 AttributeError, ZeroDivisionError)  # fmt: skip

# The same pictures with less metadata, for files that cannot be decoded with all of it.
LESS_METADATA = {
    "AVIF": (containers.avif_without_exif,),
    "JPEG": (jpeg.without_metadata,),
    "PNG": (png.without_metadata, png.pixels_alone),
    "TIFF": (tiff.pixels_alone,),
    "WEBP": (containers.webp_without_metadata,),
}
# Tells of a file that could be decoded whether its end is missing nevertheless.
ENDS_EARLY = {
    "JPEG": jpeg.ends_early, "PNG": png.ends_early, "WEBP": containers.webp_ends_early,
}  # fmt: skip


def open_picture(
    source: Path | bytes, *, at_least: int | None = None, name: str | None = None
) -> UInt8[np.ndarray, "height width 3"]:
    """Decode a picture file, given as a path or as its content.

    Of several pictures in a file, the first is decoded: the first frame of an animation (or the
    default image that an animated PNG has instead), the first page, the main picture of an MPO or
    Ultra HDR file. Orientation, colours and transparency are handled by `to_upright_rgb`.

    A file that is cut short is decoded if it holds at least ``ENOUGH`` of the picture, with a
    warning that names it.

    Args:
        source: path or content of the file.
        at_least: smallest short side, in pixels, that the caller needs; large JPEGs are then
            decoded at a fraction of their size, which is several times faster.
        name: what messages call the picture; default: its path.

    Raises:
        PictureError: the file cannot be opened; the message says what was found instead.
    """
    name = name or ("the picture" if isinstance(source, bytes) else str(source))
    content = source if isinstance(source, bytes) else read_file(source)
    if not content:
        raise PictureError(f"{name} is empty; expected a picture file")
    if len(content) > MAX_BYTES:
        raise PictureError(f"{name} has {len(content)} bytes; at most {MAX_BYTES} are accepted")
    kind = recognise(content)
    if kind is None:
        raise PictureError(f"{name} {_describe_unknown(content)}")
    try:
        _require_readable(kind, content, name)
        return _decode(kind, content, name, at_least)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, which is higher than ours
        raise _far_too_many_pixels(name) from error
    except PILLOW_ERRORS as error:
        raise PictureError(f"{name} {_describe_failure(kind, content, error)}") from error


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Read the width and height that a picture file claims, without decoding its pixels.

    Returns:
        The larger claim where a TIFF has two; None for what is none of ``FORMATS`` or has no
        header that can be read, which `open_picture` refuses.

    Raises:
        PictureError: it claims far more than ``MAX_PIXELS``.
    """
    kind = recognise(content)
    if kind is None:
        return None
    sizes: list[tuple[int, int]] = []
    if kind == "TIFF" and (directory := tiff.read_directory(content)):
        sizes.append(directory.size)
    for version in _versions(kind, content):
        try:
            with Image.open(io.BytesIO(version), formats=FORMATS) as image:
                sizes.append(image.size)
            break
        except Image.DecompressionBombError as error:
            raise _far_too_many_pixels("the picture") from error
        except PILLOW_ERRORS:
            continue
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


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


def _far_too_many_pixels(name: str) -> PictureError:
    return PictureError(
        f"{name} has far more than {MAX_PIXELS} pixels, the most accepted; make it smaller"
    )


def _decode(
    kind: str, content: bytes, name: str, at_least: int | None
) -> UInt8[np.ndarray, "height width 3"]:
    """Decode a file; without broken metadata, or in part, where it cannot be decoded whole."""

    def opened(version: bytes) -> ImageFile.ImageFile:
        image = Image.open(io.BytesIO(version), formats=FORMATS)
        require_few_pixels(name, *image.size)
        if at_least:
            image.draft("RGB", (at_least, at_least))
        return image

    directory = tiff.read_directory(content) if kind == "TIFF" else None
    if directory is not None and 0 not in directory.size:
        require_few_pixels(name, *directory.size)
        if (image := decode_deep_tiff(content, directory)) is not None:
            orientation = directory.first(tiff.ORIENTATION, 1)
            return to_upright_rgb(image, PILLOW_ERRORS, orientation=orientation)
    failure: Exception | None = None
    for version in _versions(kind, content):
        try:
            with opened(version) as image:
                deep = load_deep(image, partial(opened, version))
                pixels = to_upright_rgb(deep, PILLOW_ERRORS)
        except PictureError:
            raise
        except PILLOW_ERRORS as error:
            failure = failure or error
        else:
            if kind in ENDS_EARLY and ENDS_EARLY[kind](content):
                _warn_of_part(name, share=1.0)
            return pixels
    for version in _versions(kind, content):
        part = None
        with suppress(*PILLOW_ERRORS):
            part = decode_part(kind, version, opened, PILLOW_ERRORS)
        if part is not None:
            _require_enough(name, part.share)
            pixels = to_upright_rgb(part.image, PILLOW_ERRORS)
            _warn_of_part(name, part.share)
            return pixels
    assert failure is not None
    raise failure


def _versions(kind: str, content: bytes) -> Iterator[bytes]:
    """Yield the file, then with less metadata, as far as that differs."""
    first = jpeg.with_short_exif(content) if kind == "JPEG" else content
    if kind == "TIFF" and (directory := tiff.read_directory(content)):
        first = tiff.pixels_alone(content) if directory.claimed > len(content) else content
    yield first
    for change in LESS_METADATA.get(kind, ()):
        if (version := change(content)) != content:
            yield version


def _require_enough(name: str, share: float) -> None:
    if share < ENOUGH:
        raise PictureError(
            f"{name} is damaged or cut short: {share:.1%} of the picture can be decoded, at least "
            f"{ENOUGH:.0%} is required; download or save it again"
        )


def _warn_of_part(name: str, share: float) -> None:
    rest = (
        "nothing of the picture is missing"
        if share == 1
        else (f"{share:.1%} of the picture is there, and its last row is repeated for the rest")
    )
    warnings.warn(f"{name} is cut short: {rest}; download or save it again", stacklevel=2)


def _require_readable(kind: str, content: bytes, name: str) -> None:
    """Refuse what Pillow would open as noise or as a thumbnail, or what would take all memory."""
    if kind == "PNG" and (damage := png.describe_damage(content)):
        raise PictureError(f"{name} is a damaged PNG: {damage}; download or save it again")
    directory = tiff.read_directory(content) if kind == "TIFF" else None
    if directory is None:
        return
    if tiff.is_camera_raw(directory):
        raise PictureError(
            f"{name} is a camera raw file (DNG, NEF, ARW or similar), which is not read; export it "
            "as JPEG from the program that develops it"
        )
    if directory.claimed > len(content) and tiff.pixels_alone(content) == content:
        raise PictureError(
            f"{name} is a damaged TIFF: its tags claim {directory.claimed} bytes, the file has "
            f"{len(content)}; download or save it again"
        )
    if (pixels := tiff.tile_pixels(directory)) > MAX_PIXELS:
        raise PictureError(
            f"{name} has tiles of {pixels} pixels; at most {MAX_PIXELS} are accepted, save it "
            "with smaller ones"
        )


def _describe_unknown(content: bytes) -> str:
    """Say what a file is that is none of ``FORMATS``."""
    other = describe_other(content)
    if other is not None:
        return other
    formats = ", ".join(FORMATS)
    return f"is not a picture, it begins with {content[:8]!r}; expected one of {formats}"


def _describe_failure(kind: str, content: bytes, error: Exception) -> str:
    """Say why a file of one of ``FORMATS`` cannot be decoded."""
    unread = jpeg.describe_unread(content) if kind == "JPEG" else None
    if unread:
        return f"is a {unread}, which is not read; save it as JPEG of 8 bits per channel, or as PNG"
    if kind == "PNG" and png.is_apple(content):
        return "is a PNG that Xcode optimised for iPhones, which is not read; save it as plain PNG"
    if kind in ENDS_EARLY and ENDS_EARLY[kind](content):
        return (
            f"is a damaged {kind}: it is cut short, and less than {ENOUGH:.0%} of the picture can "
            "be decoded; download or save it again"
        )
    if isinstance(error, UnidentifiedImageError):
        directory = tiff.read_directory(content) if kind == "TIFF" else None
        if directory and directory.values:
            what = tiff.describe_kind(directory)
            return (
                f"is a damaged TIFF, or of a kind that is not read ({what}); save it as 8-bit RGB"
            )
        return f"is a damaged {kind} and cannot be decoded; download or save it again"
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return f"is a damaged {kind} and cannot be decoded: {reason}; download or save it again"
