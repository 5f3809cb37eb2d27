"""Rank the captions of a beam by how well the picture supports their words, too."""

from collections.abc import Callable, Sequence

from tushuo.search.beam_history import length_divisor
from tushuo.search.config import SearchConfig
from tushuo.search.hypothesis import Hypothesis

Support = Callable[[int, list[int]], float]
"""Evidence for a caption, in nats: the picture's number in the batch and token ids in."""


def rank_by_evidence(
    hypotheses: Sequence[Sequence[Hypothesis]], support: Support, config: SearchConfig
) -> list[list[Hypothesis]]:
    """Return the best captions of each picture by log-probability and evidence.

    The score is the length-normalised log-probability plus ``config.evidence_weight`` times the
    evidence. Fang et al., "From Captions to Visual Concepts and Back", CVPR 2015, section 5, rerank
    captions by how many detected words they mention, among other features.
    """
    ranked = []
    for picture, captions in enumerate(hypotheses):
        scores = [
            one.log_prob / length_divisor(len(one.log_probs), config)
            + config.evidence_weight * support(picture, one.words)
            for one in captions
        ]
        best = sorted(range(len(captions)), key=lambda place: -scores[place])
        ranked.append([captions[place] for place in best[: config.n_best]])
    return ranked
