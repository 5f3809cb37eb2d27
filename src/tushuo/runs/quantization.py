"""Weights on disk in half their size, or a quarter of it; read back as float32.

``float16`` keeps each number to 11 bits. ``int8`` keeps each row of a matrix (of a convolution:
each output channel) as whole numbers from -127 to 127 and one float32 scale beside them, named
``NAME.scale``; what is no matrix stays float16.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

Precision = Literal["float16", "int8"]
_SCALE = ".scale"
_LEVELS = 127


def quantize(weights: Mapping[str, Tensor], precision: Precision) -> dict[str, Tensor]:
    """Make weights small; `grow` makes them float32 again, rounded."""
    small: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if precision == "int8" and weight.ndim > 1:
            rows = weight.detach().float().flatten(1)
            scale = (rows.abs().amax(dim=1) / _LEVELS).clamp_min(torch.finfo(torch.float32).tiny)
            levels = (rows / scale[:, None]).round().to(torch.int8)
            small[name] = levels.reshape(weight.shape).contiguous()
            small[name + _SCALE] = scale
        else:
            small[name] = weight.detach().half().contiguous()
    return small


def dequantize(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights as float32, however they were stored."""
    grown: dict[str, Tensor] = {}
    for name, weight in stored.items():
        scale = stored.get(name + _SCALE)
        if scale is not None:
            weight = weight.float() * scale.reshape(-1, *[1] * (weight.ndim - 1))
        if not (name.endswith(_SCALE) and name.removesuffix(_SCALE) in stored):
            grown[name] = weight.float()
    return grown
