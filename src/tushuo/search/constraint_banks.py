"""Words that must appear: a bank of hypotheses for each number of them that has been said.

Hokamp, Liu, "Lexically Constrained Decoding for Sequence Generation Using Grid Beam Search", ACL
2017; Post, Vilar, "Fast Lexically Constrained Decoding with Dynamic Beam Allocation", NAACL 2018,
share one beam among the same banks.

Differs from both: each bank has a beam of its own and constraints are single words.
"""

import torch
from torch import Tensor

from tushuo.search.candidates import Candidates, Expand, continuations
from tushuo.search.filters import NEVER
from tushuo.text.vocabulary import END


def constraint_banks(required_words: list[int], max_words: int) -> Expand:
    """Expand banks: lane ``n`` holds hypotheses with ``n`` of the words; the last one may end."""
    listed = torch.tensor(required_words)

    def expand(
        totals: Tensor, scores: Tensor, said: Tensor, slots_left: Tensor
    ) -> tuple[Candidates, Candidates]:
        """Go up a lane with a missing word, or stay while there is room for those left."""
        wanted, width = listed.to(scores.device), totals.shape[2]
        missing = (said[..., None] != wanted).all(dim=3)  # (P, lanes, K, words of must)
        arriving = _arriving(totals, scores, missing, wanted)
        staying = scores.clone()
        staying[..., wanted] = staying[..., wanted].masked_fill(missing, NEVER)
        left = missing.sum(dim=3, keepdim=True)
        staying = staying.masked_fill(left >= max(1, max_words - said.shape[3]), NEVER)
        staying[..., END] = staying[..., END].masked_fill(left[..., 0] > 0, NEVER)
        found = Candidates.join([continuations(totals, staying), arriving], dim=2).best(2 * width)
        return found.unfinished(width), found.lane(totals.shape[1] - 1).ends(width)

    return expand


def _arriving(totals: Tensor, scores: Tensor, missing: Tensor, wanted: Tensor) -> Candidates:
    """Return what comes into each bank from the one below it, by saying a missing word."""
    P, lanes, K, C = missing.shape
    values = totals[..., None] + scores[..., wanted].masked_fill(~missing, NEVER)
    nothing = torch.full_like(values[:, :1], NEVER)
    values = torch.cat([nothing, values[:, :-1]], dim=1).flatten(2)
    parents = torch.arange(lanes * K, device=scores.device).view(1, lanes, K, 1) - K
    parents = parents.clamp_min(0).expand(P, lanes, K, C).flatten(2)
    return Candidates(values, parents, wanted.expand(P, lanes, K, C).flatten(2))
