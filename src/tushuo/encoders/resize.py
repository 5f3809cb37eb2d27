"""Resize any picture to the square that an encoder expects."""

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from tushuo.encoders.spec import EncoderSpec


def resize(
    picture: UInt8[np.ndarray, "height width 3"], spec: EncoderSpec
) -> UInt8[Tensor, "3 side side"]:
    """Resize a picture according to the encoder's spec.

    ``bilinear`` uses half-pixel centres and no antialiasing, the default of ``tf.image.resize``.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]  # (1, 3, h, w)
    side = spec.side
    if spec.resize == "crop":
        height, width = pixels.shape[2:]
        ratio = (spec.resize_side or side) / min(height, width)
        size = (max(side, round(height * ratio)), max(side, round(width * ratio)))
    else:
        size = (side, side)
    if spec.filter == "bilinear":
        resized = interpolate(pixels.float(), size, mode="bilinear").round().byte()
    else:
        mode = "bicubic" if spec.filter == "bicubic" else "bilinear"
        resized = interpolate(pixels, size, mode=mode, antialias=True)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    return resized[0, :, top : top + side, left : left + side]
