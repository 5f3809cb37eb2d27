"""Diverse beam search: groups that avoid each other's words.

Vijayakumar et al., "Diverse Beam Search: Decoding Diverse Solutions from Neural Sequence Models",
2016, algorithm 1 with Hamming diversity.

Differs from the paper: the penalty influences which words a group takes at this step and is then
dropped, so that captions are ranked by their true log-probabilities; the end token is not
penalised.
"""

from dataclasses import replace

import torch
from torch import Tensor

from tushuo.search.candidates import Candidates, Expand, continuations
from tushuo.search.filters import NEVER


def diverse_expansion(diversity_penalty: float) -> Expand:
    """Return an expansion that handles lanes in turn, away from the words of earlier lanes."""

    def expand(
        totals: Tensor, scores: Tensor, words: Tensor, slots_left: Tensor
    ) -> tuple[Candidates, Candidates]:
        """Penalise words for the choice of continuations, but not in their scores."""
        P, lanes, width, V = scores.shape
        uses = torch.zeros(P, V, device=scores.device)
        unfinished, ended = [], []
        for lane in range(lanes):
            penalty = diversity_penalty * uses
            candidates = continuations(
                totals[:, lane : lane + 1], scores[:, lane : lane + 1] - penalty[:, None, None]
            ).best(2 * width)
            true_scores = (
                candidates.scores + penalty.gather(1, candidates.words.flatten(1))[:, None]
            )
            parents = candidates.parents + lane * width
            candidates = replace(candidates, scores=true_scores, parents=parents)
            unfinished.append(candidates.unfinished(width))
            ended.append(candidates.ended(width))
            incomplete = (ended[-1].scores > NEVER).sum(dim=2) < slots_left[:, lane, None]
            used = (unfinished[-1].scores > NEVER)[:, 0] & incomplete
            uses.scatter_add_(1, unfinished[-1].words.flatten(1), used.float())
        return Candidates.join(unfinished, dim=1), Candidates.join(ended, dim=1)

    return expand
