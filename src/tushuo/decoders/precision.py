"""Lower bound on the precision of arithmetic that half precision would make inaccurate."""

import torch
from jaxtyping import Float
from torch import Tensor


def at_least_float32(tensor: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Convert half precision to float32; return float32 and float64 unchanged, without a copy."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
