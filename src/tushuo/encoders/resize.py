"""Resize any picture to the square that an encoder expects."""

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from tushuo.encoders.spec import EncoderSpec

MAX_ASPECT_RATIO = 8  # of a picture that is resized before its central square is cropped


def resize(
    picture: UInt8[np.ndarray, "height width 3"], spec: EncoderSpec
) -> UInt8[Tensor, "3 side side"]:
    """Resize a picture according to the encoder's spec.

    ``bilinear`` uses half-pixel centres and no antialiasing, the default of ``tf.image.resize``.
    """
    side = spec.side
    size = (side, side)
    if spec.resize == "crop":
        picture = _trim(picture)
        height, width = picture.shape[:2]
        ratio = spec.short_side / min(height, width)
        size = (max(side, round(height * ratio)), max(side, round(width * ratio)))
    pixels = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]  # (1, 3, h, w)
    if spec.filter == "bilinear":
        resized = interpolate(pixels.float(), size, mode="bilinear").round().byte()
    else:
        mode = "bicubic" if spec.filter == "bicubic" else "bilinear"
        resized = interpolate(pixels, size, mode=mode, antialias=True)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    return resized[0, :, top : top + side, left : left + side]


def _trim(picture: UInt8[np.ndarray, "_height _width 3"]) -> UInt8[np.ndarray, "_h _w 3"]:
    """Cut the ends off a very long picture, which would become huge before it is cropped."""
    height, width = picture.shape[:2]
    longest = MAX_ASPECT_RATIO * min(height, width)
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    return picture[top : top + longest, left : left + longest]
