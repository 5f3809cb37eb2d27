"""The least precision of arithmetic that half precision would spoil."""

import torch
from jaxtyping import Float
from torch import Tensor


def at_least_float32(numbers: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Return float32 for half precision; float32 and float64 as they are, without a copy."""
    return numbers.to(torch.promote_types(numbers.dtype, torch.float32))
