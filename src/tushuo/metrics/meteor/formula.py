"""METEOR 1.5 from counts: Denkowski, Lavie, "Meteor Universal", WMT 2014, in English.

The counts come from an aligner, one of ``ALIGNERS``; the score is computed here for both, so that
the bootstrap has what it needs.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Literal, final

import numpy as np
from jaxtyping import Float

from tushuo.metrics.corpus import Corpus
from tushuo.metrics.meteor import ALIGNERS

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
WEIGHTS = np.array([1.0, 0.6, 0.8, 0.6])  # of exact, stem, synonym and paraphrase matches


@final
@dataclass(frozen=True, kw_only=True)
class Meteor:
    """METEOR; the statistics of a picture are 23 counts, in the order of the official program.

    Lengths of hypothesis and reference, their function words; for each of the four kinds of matches
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
            MissingPartError: the extra is not installed, or Java, where the aligner wants it.
        """
        counts: Float[np.ndarray, "I S"] = import_module(ALIGNERS[self.aligner]).count(corpus)
        return without_whole(counts)

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Weigh matches, combine precision and recall, take off for fragments."""
        words, theirs, function, their_function = statistics[:, :4].T
        matches = statistics[:, 4:20].reshape(-1, len(WEIGHTS), 4)
        own_content, their_content, own_function, their_functions = (
            WEIGHTS @ matches[:, :, kind].T for kind in range(4)
        )
        precision = _share(own_content, own_function, words, function)
        recall = _share(their_content, their_functions, theirs, their_function)
        chunks, own_matched, matched = statistics[:, 20:].T
        penalty = GAMMA * _divide(chunks, (own_matched + matched) / 2) ** BETA
        mean = _divide(precision * recall, ALPHA * precision + (1 - ALPHA) * recall)
        return ((1 - penalty) * mean)[:, None]


def without_whole(counts: Float[np.ndarray, "I S"]) -> Float[np.ndarray, "I S"]:
    """Take the chunk from captions that match as a whole: they have no fragments."""
    chunks, own_matched, matched = counts[:, 20:].T
    whole = (own_matched == counts[:, 0]) & (matched == counts[:, 1]) & (chunks == 1)
    changed = counts.copy()
    changed[whole, 20] = 0
    return changed


def _share(
    content: Float[np.ndarray, " X"],
    function: Float[np.ndarray, " X"],
    words: Float[np.ndarray, " X"],
    function_words: Float[np.ndarray, " X"],
) -> Float[np.ndarray, " X"]:
    """Return the weighted share of matched words; content words count DELTA, the others less."""
    there = DELTA * (words - function_words) + (1 - DELTA) * function_words
    return _divide(DELTA * content + (1 - DELTA) * function, there)


def _divide(
    above: Float[np.ndarray, " X"], below: Float[np.ndarray, " X"]
) -> Float[np.ndarray, " X"]:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
