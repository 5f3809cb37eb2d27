"""The last layer of a step: how likely each word is."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

EVEN = (
    16  # numbers in a vector register: rows that begin on its borders are multiplied a third faster
)


def even(
    weight: Float[Tensor, "V H"], bias: Float[Tensor, " V"]
) -> tuple[Float[Tensor, "V2 H"], Float[Tensor, " V2"]]:
    """Lay a last layer out for speaking: word beside word, so many that rows of them are even.

    The words that are put in for that are never said. One row passes over weights that lie so more
    than twice as fast.
    """
    V, H = weight.shape
    wide = -(-V // EVEN) * EVEN
    laid = weight.new_zeros(H, wide)
    laid[:, :V] = weight.t()
    return laid.t(), torch.cat([bias, bias.new_full((wide - V,), -torch.inf)])


def next_words(
    hidden: Float[Tensor, "B H"], weight: Float[Tensor, "V H"], bias: Float[Tensor, " V"]
) -> Float[Tensor, "B V"]:
    """Return log-probabilities; where no gradient is asked for, by way of rows of even length."""
    if torch.is_grad_enabled() or torch.is_autocast_enabled(hidden.device.type):
        return nn.functional.linear(hidden, weight, bias).log_softmax(dim=-1)
    B, V = len(hidden), len(weight)
    logits = hidden.new_empty(B, -(-V // EVEN) * EVEN)
    logits[:, V:] = -torch.inf
    torch.addmm(bias, hidden, weight.t(), out=logits[:, :V])
    return logits.log_softmax(dim=-1)[:, :V]
