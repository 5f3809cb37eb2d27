"""Draw words: from which distribution, and with which random numbers.

Top-k: Fan, Lewis, Dauphin, "Hierarchical Neural Story Generation", ACL 2018, section 5.4. Top-p:
Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020, section 3.1.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.search.config import SearchConfig
from tushuo.search.filters import NEVER

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # SplitMix64's constants, as int64
_MIX = (0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64)
_PARTS = 4  # numbers in a picture's fingerprint
_STEPS_PER_DOUBLING = 50.0  # resolution of these numbers


def warp_logits(log_probs: Float[Tensor, "B V"], config: SearchConfig) -> Float[Tensor, "B V"]:
    """Apply temperature, then top-k, then top-p; excluded words become minus infinity."""
    scores = log_probs / config.temperature
    if config.top_k is not None and config.top_k < scores.shape[1]:
        values, words = scores.topk(config.top_k, dim=1)
        scores = torch.full_like(scores, NEVER).scatter(1, words, values)
    if config.top_p is not None and config.top_p < 1:
        probabilities, words = scores.softmax(dim=1).sort(dim=1, descending=True)
        # a word stays if the more probable ones before it sum to less than p
        excluded = probabilities.cumsum(dim=1) - probabilities >= config.top_p
        scores = scores.masked_fill(torch.zeros_like(excluded).scatter(1, words, excluded), NEVER)
    return scores


def draw(scores: Float[Tensor, "B V"], uniform: Float[Tensor, " B"]) -> Int[Tensor, " B"]:
    """Draw one word a row by inverting the cumulative distribution at a number in [0, 1)."""
    cumulative = scores.softmax(dim=1).double().cumsum(dim=1)
    target = uniform[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, target, right=True)[:, 0].clamp_max(scores.shape[1] - 1)


def picture_fingerprint(regions: Float[Tensor, "P R D"]) -> Int[Tensor, " P"]:
    """Return a number that identifies a picture, whatever the batch around it.

    It is computed from means over parts of the features, quantised so coarsely that the last bits,
    in which an encoder's batches differ, almost never matter.
    """
    means = torch.stack([part.mean(dim=(1, 2)) for part in regions.chunk(_PARTS, dim=2)])
    levels = (means.abs().clamp_min(1e-30).log2() * _STEPS_PER_DOUBLING).round().long()
    fingerprint = torch.zeros_like(levels[0])
    for part in levels:
        fingerprint = scramble(fingerprint ^ part)
    return fingerprint


def uniforms(keys: Int[Tensor, " B"], step: int) -> Float[Tensor, " B"]:
    """Return a pseudo-random number in [0, 1) for each key and step, always the same one."""
    bits = scramble(keys + step * _GOLDEN % 2**63)
    return (bits >> 12 & 2**52 - 1).double() / 2**52


def scramble(keys: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
    """Mix 64 bits: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, figure 17)."""
    keys = keys + _GOLDEN
    keys = (keys ^ _shift_right(keys, 30)) * _MIX[0]
    keys = (keys ^ _shift_right(keys, 27)) * _MIX[1]
    return keys ^ _shift_right(keys, 31)


def _shift_right(keys: Tensor, bits: int) -> Tensor:
    """Shift as unsigned integers."""
    return keys >> bits & 2 ** (64 - bits) - 1
