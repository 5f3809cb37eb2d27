"""ROUGE-L: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, section 3.

Follows the COCO evaluator: the best precision and the best recall over the references, which may
be of two different ones, and its beta.
"""

from collections.abc import Sequence
from typing import Literal, final

import numpy as np
from jaxtyping import Float

from tushuo.metrics.corpus import Corpus, Words

BETA = 1.2


@final
class RougeL:
    """ROUGE-L; its statistic is the score of each picture."""

    names = ("ROUGE_L",)
    total: Literal["sum", "mean"] = "mean"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Compare each hypothesis with its references."""
        pairs = zip(corpus.hypotheses, corpus.references, strict=True)
        return np.array([[_score(hypothesis, references)] for hypothesis, references in pairs])

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Return the statistics, which are the scores."""
        return statistics


def _score(hypothesis: Words, references: Sequence[Words]) -> float:
    hypothesis = hypothesis or [""]  # the official evaluator splits an empty caption so
    positions: dict[str, int] = {}  # of each word, as bits
    for position, word in enumerate(hypothesis):
        positions[word] = positions.get(word, 0) | 1 << position
    common = [_lcs_length(positions, len(hypothesis), words or [""]) for words in references]
    precision = max(common) / len(hypothesis)
    recall = max(n / max(len(words), 1) for n, words in zip(common, references, strict=True))
    if precision == 0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _lcs_length(positions: dict[str, int], length: int, words: Words) -> int:
    """Return the length of the longest common subsequence by bit-parallel dynamic programming.

    Hyyrö, "Bit-Parallel LCS-length Computation Revisited", 2004: each zero bit of ``row`` is one
    matched word.
    """
    row = all_ones = (1 << length) - 1
    for word in words:
        step = row & positions.get(word, 0)
        row = (row + step | row - step) & all_ones
    return length - row.bit_count()
