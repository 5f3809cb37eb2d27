"""Words that a decoder draws while it learns."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.text.vocabulary import PAD, START, UNK

SPECIAL_IDS = [PAD, START, UNK]


def mask_special(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
    """Take the words that are never said out of the running."""
    never = torch.tensor(SPECIAL_IDS, device=logits.device)
    return logits.index_fill(1, never, -torch.inf)


def draw_words(probabilities: Float[Tensor, "B V"]) -> Int[Tensor, " B"]:
    """Draw a word a row: where a uniform number falls among the summed-up probabilities.

    `torch.multinomial` draws a number for each word of the vocabulary, which takes as long as the
    decoder's step does.
    """
    B, V = probabilities.shape
    sums = probabilities.cumsum(dim=-1)
    aggregate_drops = torch.rand(B, 1, device=sums.device) * sums[:, -1:]
    # right: a word of probability 0 is never where it falls
    return torch.searchsorted(sums, aggregate_drops, right=True)[:, 0].clamp(max=V - 1)
