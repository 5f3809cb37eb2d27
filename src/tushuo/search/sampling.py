"""Drawing words: which distribution, and by which random numbers.

Top-k: Fan, Lewis, Dauphin, "Hierarchical Neural Story Generation", ACL 2018, section 5.4. Top-p:
Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020, section 3.1.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.search.config import SearchConfig
from tushuo.search.filters import NEVER

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # SplitMix64's constants, as int64 holds them
_MIX = (0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64)
_LOOKS = 4  # numbers that stand for a picture
_COARSE = 50.0  # of them, steps a doubling


def warp_logits(log_probs: Float[Tensor, "B V"], config: SearchConfig) -> Float[Tensor, "B V"]:
    """Apply temperature, then top-k, then top-p; what is not drawn from becomes minus infinity."""
    scores = log_probs / config.temperature
    if config.top_k is not None and config.top_k < scores.shape[1]:
        kept, places = scores.topk(config.top_k, dim=1)
        scores = torch.full_like(scores, NEVER).scatter(1, places, kept)
    if config.top_p is not None and config.top_p < 1:
        ordered, places = scores.softmax(dim=1).sort(dim=1, descending=True)
        # a word stays if the likelier ones before it fall short of p
        beyond = ordered.cumsum(dim=1) - ordered >= config.top_p
        scores = scores.masked_fill(torch.zeros_like(beyond).scatter(1, places, beyond), NEVER)
    return scores


def draw(scores: Float[Tensor, "B V"], uniform: Float[Tensor, " B"]) -> Int[Tensor, " B"]:
    """Draw a word a row by one number in [0, 1): where the summed probabilities pass it."""
    summed = scores.softmax(dim=1).double().cumsum(dim=1)
    target = uniform[:, None] * summed[:, -1:]
    return torch.searchsorted(summed, target, right=True)[:, 0].clamp_max(scores.shape[1] - 1)


def picture_fingerprint(regions: Float[Tensor, "P R D"]) -> Int[Tensor, " P"]:
    """Return a number that stands for a picture, whatever the batch around it.

    Means of a few parts of its features, so coarse that the last bits, in which an encoder's
    batches differ, all but never matter.
    """
    means = torch.stack([part.mean(dim=(1, 2)) for part in regions.chunk(_LOOKS, dim=2)])
    steps = (means.abs().clamp_min(1e-30).log2() * _COARSE).round().long()  # (parts, P)
    found = torch.zeros_like(steps[0])
    for part in steps:
        found = scramble(found ^ part)
    return found


def uniforms(keys: Int[Tensor, " B"], step: int) -> Float[Tensor, " B"]:
    """Return a number in [0, 1) for each key and step, as if drawn; the same ones each time."""
    bits = scramble(keys + step * _GOLDEN % 2**63)
    return (bits >> 12 & 2**52 - 1).double() / 2**52


def scramble(keys: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
    """Mix 64 bits: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, figure 17)."""
    keys = keys + _GOLDEN
    keys = (keys ^ _shifted(keys, 30)) * _MIX[0]
    keys = (keys ^ _shifted(keys, 27)) * _MIX[1]
    return keys ^ _shifted(keys, 31)


def _shifted(keys: Tensor, by: int) -> Tensor:
    """Shift to the right, zeros coming in."""
    return keys >> by & 2 ** (64 - by) - 1
