"""METEOR 1.5 from counts: Denkowski, Lavie, "Meteor Universal", WMT 2014, in English.

The counts come from an aligner, one of ``ALIGNERS``; the score is computed here for both, so that
the bootstrap can add up counts.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Literal, final

import numpy as np
from jaxtyping import Float

from tushuo.metrics.base import divide_or_zero
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.meteor import ALIGNERS

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
WEIGHTS = np.array([1.0, 0.6, 0.8, 0.6])  # of exact, stem, synonym and paraphrase matches


@final
@dataclass(frozen=True, kw_only=True)
class Meteor:
    """METEOR; the statistics of a picture are counts, in the order of the official program.

    Words of hypothesis and reference, function words of both; for each of the four kinds of matches
    content words of both, function words of both; chunks, matched words of both.

    Attributes:
        aligner: one of ``ALIGNERS``.
    """

    aligner: Literal["python", "java"] = "python"
    names = ("METEOR",)
    total: Literal["sum", "mean"] = "sum"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Align each hypothesis with its best reference.

        Raises:
            MissingPartError: the extra is not installed, or Java, where the aligner requires it.
        """
        counts: Float[np.ndarray, "I S"] = import_module(ALIGNERS[self.aligner]).count(corpus)
        return clear_single_chunks(counts)

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Weight the matches, combine precision and recall, and apply the fragmentation penalty."""
        hyp_words, ref_words, hyp_function, ref_function = statistics[:, :4].T
        matches = statistics[:, 4:20].reshape(-1, len(WEIGHTS), 4)
        hyp_content, ref_content, hyp_matched_function, ref_matched_function = (
            WEIGHTS @ matches[:, :, column].T for column in range(4)
        )
        precision = _weighted_share(hyp_content, hyp_matched_function, hyp_words, hyp_function)
        recall = _weighted_share(ref_content, ref_matched_function, ref_words, ref_function)
        chunks, hyp_matched, ref_matched = statistics[:, 20:].T
        penalty = GAMMA * divide_or_zero(chunks, (hyp_matched + ref_matched) / 2) ** BETA
        mean = divide_or_zero(precision * recall, ALPHA * precision + (1 - ALPHA) * recall)
        return ((1 - penalty) * mean)[:, None]


def clear_single_chunks(counts: Float[np.ndarray, "I S"]) -> Float[np.ndarray, "I S"]:
    """Set chunks to 0 where one chunk covers both captions: they are not fragmented."""
    chunks, hyp_matched, ref_matched = counts[:, 20:].T
    whole = (hyp_matched == counts[:, 0]) & (ref_matched == counts[:, 1]) & (chunks == 1)
    cleared = counts.copy()
    cleared[whole, 20] = 0
    return cleared


def _weighted_share(
    content: Float[np.ndarray, " X"],
    function: Float[np.ndarray, " X"],
    words: Float[np.ndarray, " X"],
    function_words: Float[np.ndarray, " X"],
) -> Float[np.ndarray, " X"]:
    """Return the weighted share of matched words; DELTA weights content over function words."""
    total = DELTA * (words - function_words) + (1 - DELTA) * function_words
    return divide_or_zero(DELTA * content + (1 - DELTA) * function, total)
