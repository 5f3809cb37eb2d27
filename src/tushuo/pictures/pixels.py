"""The one place where pictures enter: any form of a picture to RGB pixels."""

import re
from os import PathLike, fsdecode
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from tushuo.errors import PictureError
from tushuo.pictures.opening import (
    PILLOW_ERRORS,
    open_picture,
    require_few_pixels,
)
from tushuo.pictures.reading import Readable, read_stream
from tushuo.pictures.upright import to_upright_rgb

if TYPE_CHECKING:
    from torch import Tensor

    Picture = (
        str
        | PathLike[str]
        | bytes
        | bytearray
        | memoryview
        | Readable
        | Image.Image
        | np.ndarray
        | Tensor
    )
else:
    Picture = Any  # importing torch for a type would slow down every command

EXPECTED = (
    "expected one picture as height x width x 3 (RGB), x 4 (RGBA), x 1 or height x width (grey), "
    "or with the channels first, as uint8 from 0 to 255 or as float from 0 to 1"
)
CHANNELS = (1, 2, 3, 4)  # grey, grey and alpha, RGB, RGBA
ADDRESS = re.compile(r"https?:/|[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # also a Path's one slash
RANGE_TOLERANCE = 1e-3  # resizing overshoots 0 and 1 a little


def to_pixels(
    picture: Picture, *, at_least: int | None = None
) -> UInt8[np.ndarray, "height width 3"]:
    """Convert a picture in any usual form to RGB pixels in memory of their own.

    Paths, bytes and binary file objects are decoded as `open_picture` does. Pillow images may have
    any mode. Arrays and tensors may be read-only, strided or on another device; where both the
    first and the last axis could be the channels, NumPy arrays are read as channels last and torch
    tensors as channels first.

    Args:
        picture: path, content of a file, binary file object, Pillow image, NumPy array or torch
            tensor.
        at_least: smallest short side, in pixels, that the caller needs; see `open_picture`.

    Raises:
        PictureError: it is not a picture; the message says what was given and what is expected.
    """
    if isinstance(picture, str | PathLike):
        return open_picture(_to_path(picture), at_least=at_least)
    if isinstance(picture, bytes | bytearray | memoryview):
        return open_picture(_to_bytes(picture), at_least=at_least)
    if isinstance(picture, Image.Image):
        return _from_pillow(picture)
    if isinstance(picture, np.ndarray):
        return _from_array(np.asarray(picture), channels_first=False)  # np.matrix stays 2-D
    if is_tensor(picture):
        return _from_tensor(picture)
    if isinstance(picture, Readable):
        content = read_stream(picture)
        if not content:
            raise PictureError(
                "the file object returned no bytes; expected a picture file (if it was read "
                "before, call seek(0))"
            )
        return open_picture(content, at_least=at_least)
    raise PictureError(
        f"an object of type {type(picture).__name__} was given as a picture; expected a path, the "
        "bytes of a file, a binary file object, a Pillow image, a NumPy array or a torch tensor"
    )


def is_tensor(picture: object) -> "TypeGuard[Tensor]":
    """Recognise a torch tensor without importing torch."""
    return any(
        kind.__module__ == "torch" and kind.__name__ == "Tensor" for kind in type(picture).__mro__
    )


def _to_path(picture: "str | PathLike[str]") -> Path:
    name = fsdecode(picture)
    if not name:
        raise PictureError("the path of the picture is empty; name a picture file")
    if ADDRESS.match(name):
        raise PictureError(
            f"{name} is an address, and only the command line downloads pictures; pass its "
            "content, such as that of tushuo.fetch.fetch_bytes(address)"
        )
    return Path(name)


def _to_bytes(content: bytes | bytearray | memoryview) -> bytes:
    try:
        return bytes(content)
    except ValueError as error:
        raise PictureError("a released memoryview was given as a picture; pass bytes") from error


def _from_pillow(image: Image.Image) -> UInt8[np.ndarray, "height width 3"]:
    require_few_pixels("the Pillow image", *image.size)
    try:
        return to_upright_rgb(image, PILLOW_ERRORS)
    except PictureError:
        raise
    except PILLOW_ERRORS as error:  # lazily loaded: the file may be damaged, or closed
        file = getattr(image, "fp", None)
        if file is None or file.closed:
            reason = "its file was closed first; call load() before that, or pass the path"
        else:
            reason = str(error) or type(error).__name__
        raise PictureError(f"the Pillow image cannot be decoded: {reason}") from error


def _from_tensor(tensor: "Tensor") -> UInt8[np.ndarray, "height width 3"]:
    if tensor.is_quantized or tensor.is_meta or str(tensor.layout) != "torch.strided":
        raise PictureError(
            f"a quantised, sparse, nested or meta tensor was given as a picture; {EXPECTED}"
        )
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.float()  # NumPy has no bfloat16
    try:
        array = tensor.resolve_conj().resolve_neg().numpy()
    except RuntimeError as error:  # inside a transform of torch.func, for example
        raise PictureError(
            f"a tensor without an array of its own was given as a picture ({error}); {EXPECTED}"
        ) from error
    return _from_array(array, channels_first=True)


def _from_array(array: np.ndarray, *, channels_first: bool) -> UInt8[np.ndarray, "height width 3"]:
    given = f"an array of shape {array.shape} and dtype {array.dtype} was given as a picture"
    if array.ndim == 2:
        array = array[None] if channels_first else array[..., None]
    if array.ndim != 3:
        one = "; pass the pictures of a batch one by one" if array.ndim == 4 else ""
        raise PictureError(f"{given}; {EXPECTED}{one}")
    axes = (0, 2) if channels_first else (2, 0)
    axis = next((axis for axis in axes if array.shape[axis] in CHANNELS), None)
    if axis is None:
        raise PictureError(f"{given}; {EXPECTED}")
    array = np.moveaxis(array, axis, 2)
    height, width, channels = array.shape
    require_few_pixels("the array", width, height)
    pixels = np.ascontiguousarray(_to_uint8(array, given))
    if channels == 3:
        return pixels.copy() if np.shares_memory(pixels, array) else pixels
    modes = {1: "L", 2: "LA", 4: "RGBA"}
    return to_upright_rgb(
        Image.fromarray(pixels[..., 0] if channels == 1 else pixels, modes[channels]),
        PILLOW_ERRORS,
    )


def _to_uint8(array: np.ndarray, given: str) -> UInt8[np.ndarray, "height width channels"]:
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise PictureError(f"{given}; {EXPECTED}")
    low, high = float(array.min()), float(array.max())
    if not (low >= -RANGE_TOLERANCE and high <= 1 + RANGE_TOLERANCE):  # NaN fails too
        raise PictureError(f"{given}, with values from {low:.4g} to {high:.4g}; {EXPECTED}")
    return np.rint(array.clip(0, 1) * 255).astype(np.uint8)
