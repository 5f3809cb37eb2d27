"""Sample words from a decoder's probabilities during training."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.text.vocabulary import PAD, START, UNK

SPECIAL_IDS = [PAD, START, UNK]


def mask_special(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
    """Set the logits of ``<pad>``, ``<start>`` and ``<unk>`` to minus infinity."""
    ids = torch.tensor(SPECIAL_IDS, device=logits.device)
    return logits.index_fill(1, ids, -torch.inf)


def sample_words(probabilities: Float[Tensor, "B V"]) -> Int[Tensor, " B"]:
    """Sample one word per row by inverting the cumulative distribution.

    `torch.multinomial` draws a random number for each word of the vocabulary, which takes as long
    as a step of the decoder.
    """
    B, V = probabilities.shape
    sums = probabilities.cumsum(dim=-1)
    uniform = torch.rand(B, 1, device=sums.device) * sums[:, -1:]
    # right: a word of probability 0 is never sampled
    return torch.searchsorted(sums, uniform, right=True)[:, 0].clamp(max=V - 1)
