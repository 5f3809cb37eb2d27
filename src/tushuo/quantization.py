"""Store weights in half or a quarter of their size; they are loaded as float32.

``float16`` keeps 11 significant bits. ``int8`` stores each row of a matrix (of a convolution: each
output channel) as integers from -127 to 127 with one float32 scale, named ``NAME.scale``; vectors
are stored as float16.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

Precision = Literal["float16", "int8"]
_SCALE = ".scale"
_LEVELS = 127


def quantize(weights: Mapping[str, Tensor], precision: Precision) -> dict[str, Tensor]:
    """Quantise weights; `dequantize` returns them as float32, rounded."""
    stored: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if precision == "int8" and weight.ndim > 1:
            rows = weight.detach().float().flatten(1)
            scale = (rows.abs().amax(dim=1) / _LEVELS).clamp_min(torch.finfo(torch.float32).tiny)
            levels = (rows / scale[:, None]).round().to(torch.int8)
            stored[name] = levels.reshape(weight.shape).contiguous()
            stored[name + _SCALE] = scale
        else:
            stored[name] = weight.detach().half().contiguous()
    return stored


def dequantize(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights as float32, whatever their precision on disk."""
    weights: dict[str, Tensor] = {}
    for name, weight in stored.items():
        scale = stored.get(name + _SCALE)
        if scale is not None:
            weight = weight.float() * scale.reshape(-1, *[1] * (weight.ndim - 1))
        if not (name.endswith(_SCALE) and name.removesuffix(_SCALE) in stored):
            weights[name] = weight.float()
    return weights
