"""Required words: one bank of hypotheses for each number of required words used so far.

Hokamp, Liu, "Lexically Constrained Decoding for Sequence Generation Using Grid Beam Search", ACL
2017; Post, Vilar, "Fast Lexically Constrained Decoding with Dynamic Beam Allocation", NAACL 2018,
share one beam among the same banks.

Differs from both: each bank has a beam of its own, and constraints are single words.
"""

import torch
from torch import Tensor

from tushuo.search.candidates import Candidates, Expand, continuations
from tushuo.search.filters import NEVER
from tushuo.text.vocabulary import END


def constraint_banks(required_words: list[int], max_words: int) -> Expand:
    """Return an expansion whose lane ``n`` holds hypotheses with ``n`` of the required words.

    Only captions of the last lane, which have all of them, may finish.
    """
    required_ids = torch.tensor(required_words)

    def expand(
        totals: Tensor, scores: Tensor, words: Tensor, slots_left: Tensor
    ) -> tuple[Candidates, Candidates]:
        """Move up a lane with a missing word, or stay while the missing ones still fit."""
        required, width = required_ids.to(scores.device), totals.shape[2]
        missing = (words[..., None] != required).all(dim=3)  # (P, lanes, K, required words)
        arriving = _arriving(totals, scores, missing, required)
        staying = scores.clone()
        staying[..., required] = staying[..., required].masked_fill(missing, NEVER)
        remaining = missing.sum(dim=3, keepdim=True)
        no_space = remaining >= max(1, max_words - words.shape[3])
        staying = staying.masked_fill(no_space, NEVER)
        staying[..., END] = staying[..., END].masked_fill(remaining[..., 0] > 0, NEVER)
        candidates = Candidates.join([continuations(totals, staying), arriving], dim=2)
        best = candidates.best(2 * width)
        return best.unfinished(width), best.lane(totals.shape[1] - 1).ended(width)

    return expand


def _arriving(totals: Tensor, scores: Tensor, missing: Tensor, required: Tensor) -> Candidates:
    """Return the continuations that enter each lane from the one below with a missing word."""
    P, lanes, K, C = missing.shape
    values = totals[..., None] + scores[..., required].masked_fill(~missing, NEVER)
    none = torch.full_like(values[:, :1], NEVER)
    values = torch.cat([none, values[:, :-1]], dim=1).flatten(2)
    parents = torch.arange(lanes * K, device=scores.device).view(1, lanes, K, 1) - K
    parents = parents.clamp_min(0).expand(P, lanes, K, C).flatten(2)
    return Candidates(values, parents, required.expand(P, lanes, K, C).flatten(2))
