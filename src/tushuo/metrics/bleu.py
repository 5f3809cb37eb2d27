"""BLEU-1 to 4: Papineni et al., "BLEU: a Method for Automatic Evaluation of MT", ACL 2002.

As the COCO evaluator has it: the reference length is the closest one (the shorter of two equally
close), and its tiny summands are kept, so that the numbers are its numbers.
"""

from typing import Literal, final

import numpy as np
from jaxtyping import Float, Int

from tushuo.metrics.corpus import MAX_N, Corpus, NgramTable, look_up

TINY, SMALL = 1e-15, 1e-9  # of the official evaluator, against divisions by zero


@final
class Bleu:
    """BLEU; the statistics are matches and n-grams of each length, words, reference words."""

    names = tuple(f"Bleu_{n}" for n in range(1, MAX_N + 1))
    total: Literal["sum", "mean"] = "sum"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Count clipped matches (equation 1 of the paper) and lengths."""
        images = len(corpus.hypotheses)
        words = corpus.lengths[:images]
        matches = [_matches(corpus, grams) for grams in corpus.grams]
        guesses = [np.maximum(words - n, 0) for n in range(MAX_N)]
        columns = [*matches, *guesses, words, _closest(corpus, words)]
        return np.stack(columns, axis=1).astype(float)

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Multiply precisions and brevity penalty (section 2.3 of the paper)."""
        matches, guesses = statistics[:, :MAX_N], statistics[:, MAX_N : 2 * MAX_N]
        words, wanted = statistics[:, -2:-1], statistics[:, -1:]
        precision = np.cumprod((matches + TINY) / (guesses + SMALL), axis=1)
        ratio = (words + TINY) / (wanted + SMALL)
        penalty = np.where(ratio < 1, np.exp(np.minimum(1 - 1 / ratio, 0)), 1.0)
        return precision ** (1 / np.arange(1, MAX_N + 1)) * penalty


def _matches(corpus: Corpus, grams: NgramTable) -> Int[np.ndarray, " I"]:
    """Count each hypothesis' n-grams, each at most as often as in one of its references."""
    images = len(corpus.hypotheses)
    own = grams.caption < images
    keys = grams.caption[own] * grams.kinds + grams.gram[own]
    picture = corpus.picture[grams.caption[~own] - images]
    place, there = look_up(keys, picture * grams.kinds + grams.gram[~own])
    most = np.zeros(len(keys), np.int64)
    np.maximum.at(most, place, grams.count[~own][there])
    clipped = np.minimum(grams.count[own], most)
    return np.bincount(grams.caption[own], clipped, minlength=images).astype(np.int64)


def _closest(corpus: Corpus, words: Int[np.ndarray, " I"]) -> Int[np.ndarray, " I"]:
    """Return the length of the reference that is closest in length; the shorter of two."""
    lengths = corpus.lengths[len(words) :]
    distance = np.abs(lengths - words[corpus.picture])
    order = np.lexsort((lengths, distance, corpus.picture))
    first = np.searchsorted(corpus.picture[order], np.arange(len(words)))
    return lengths[order][first]
