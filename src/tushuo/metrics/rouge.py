"""ROUGE-L: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, section 3.

As the COCO evaluator has it: the best precision and the best recall over the references, which may
come from two of them, and beta 1.2.
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
        """Return them as they are."""
        return statistics


def _score(hypothesis: Words, references: Sequence[Words]) -> float:
    hypothesis = hypothesis or [""]  # the official evaluator takes no words for one empty word
    masks: dict[str, int] = {}
    for place, word in enumerate(hypothesis):
        masks[word] = masks.get(word, 0) | 1 << place
    common = [_common(masks, len(hypothesis), words or [""]) for words in references]
    precision = max(common) / len(hypothesis)
    recall = max(n / max(len(words), 1) for n, words in zip(common, references, strict=True))
    if precision == 0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _common(masks: dict[str, int], length: int, words: Words) -> int:
    """Return the length of the longest common subsequence, all places of a word at once.

    Hyyrö, "Bit-Parallel LCS-length Computation Revisited", 2004: zeros of ``row`` are its steps.
    """
    row = all_ones = (1 << length) - 1
    for word in words:
        step = row & masks.get(word, 0)
        row = (row + step | row - step) & all_ones
    return length - row.bit_count()
