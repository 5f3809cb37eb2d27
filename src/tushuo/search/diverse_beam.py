"""Diverse beam search: groups that keep away from each other's words.

Vijayakumar et al., "Diverse Beam Search: Decoding Diverse Solutions from Neural Sequence Models",
2016, algorithm 1 with Hamming diversity.

Differs from the paper: the penalty decides which words a group takes at this step and is gone then,
so that captions are ranked by their true log-probabilities; an end is not penalised.
"""

from dataclasses import replace

import torch
from torch import Tensor

from tushuo.search.candidates import Candidates, Expand, continuations
from tushuo.search.filters import NEVER


def diverse(diversity_penalty: float) -> Expand:
    """Expand each lane after the lanes before it, away from the words that they took."""

    def expand(
        totals: Tensor, scores: Tensor, said: Tensor, slots_left: Tensor
    ) -> tuple[Candidates, Candidates]:
        """Let lanes choose in turn; a word's fee moves the choice, and no hypothesis' score."""
        P, lanes, width, V = scores.shape
        used = torch.zeros(P, V, device=scores.device)
        unfinished, ended = [], []
        for lane in range(lanes):
            fee = diversity_penalty * used
            found = continuations(
                totals[:, lane : lane + 1], scores[:, lane : lane + 1] - fee[:, None, None]
            ).best(2 * width)
            true = found.scores + fee.gather(1, found.words.flatten(1))[:, None]
            found = replace(found, scores=true, parents=found.parents + lane * width)
            unfinished.append(found.unfinished(width))
            ended.append(found.ends(width))
            goes_on = (ended[-1].scores > NEVER).sum(dim=2) < slots_left[:, lane, None]
            taken = (unfinished[-1].scores > NEVER)[:, 0] & goes_on
            used.scatter_add_(1, unfinished[-1].words.flatten(1), taken.float())
        return Candidates.join(unfinished, dim=1), Candidates.join(ended, dim=1)

    return expand
