"""BLEU-1 to 4: Papineni et al., "BLEU: a Method for Automatic Evaluation of MT", ACL 2002.

Follows the COCO evaluator, to reproduce its numbers: the reference length is the closest one (the
shorter of two equally close), and its smoothing constants are kept.
"""

from collections.abc import Sequence
from typing import Any, Literal, final

import numpy as np
from jaxtyping import Float, Int

from tushuo.metrics.corpus import MAX_N, Corpus, NgramTable, look_up

TINY, SMALL = 1e-15, 1e-9  # the official evaluator's constants against division by zero


@final
class Bleu:
    """BLEU; its statistics are those of ``bleu_statistics``."""

    names = tuple(f"Bleu_{n}" for n in range(1, MAX_N + 1))
    total: Literal["sum", "mean"] = "sum"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Count clipped matches (equation 1 of the paper) and lengths."""
        lengths = corpus.lengths[: len(corpus.hypotheses)]
        matches = [_clipped_matches(corpus, table) for table in corpus.ngrams]
        return bleu_statistics(matches, lengths, _closest_lengths(corpus, lengths))

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Multiply precisions and brevity penalty (section 2.3 of the paper)."""
        matches, ngrams = statistics[:, :MAX_N], statistics[:, MAX_N : 2 * MAX_N]
        length, reference_length = statistics[:, -2:-1], statistics[:, -1:]
        precision = np.cumprod((matches + TINY) / (ngrams + SMALL), axis=1)
        ratio = (length + TINY) / (reference_length + SMALL)
        penalty = np.where(ratio < 1, np.exp(np.minimum(1 - 1 / ratio, 0)), 1.0)
        return precision ** (1 / np.arange(1, MAX_N + 1)) * penalty


def bleu_statistics(
    matches: Sequence[Any], lengths: Int[np.ndarray, " I"], closest: Int[np.ndarray, " I"]
) -> Float[np.ndarray, "I S"]:
    """Stack the columns that ``Bleu.scores`` reads.

    Args:
        matches: clipped matches of each hypothesis, for each n.
        lengths: words of each hypothesis.
        closest: words of its reference of the closest length.
    """
    ngrams = [np.maximum(lengths - n, 0) for n in range(MAX_N)]
    return np.stack([*matches, *ngrams, lengths, closest], axis=1).astype(float)


def _clipped_matches(corpus: Corpus, table: NgramTable) -> Int[np.ndarray, " I"]:
    """Count each hypothesis' n-grams, each at most as often as in one of its references."""
    images = len(corpus.hypotheses)
    hypothesis = table.caption < images
    keys = table.caption[hypothesis] * table.distinct + table.ngram[hypothesis]
    picture = corpus.picture[table.caption[~hypothesis] - images]
    row, shared = look_up(keys, picture * table.distinct + table.ngram[~hypothesis])
    limit = np.zeros(len(keys), np.int64)
    np.maximum.at(limit, row, table.count[~hypothesis][shared])
    clipped = np.minimum(table.count[hypothesis], limit)
    return np.bincount(table.caption[hypothesis], clipped, minlength=images).astype(np.int64)


def _closest_lengths(corpus: Corpus, lengths: Int[np.ndarray, " I"]) -> Int[np.ndarray, " I"]:
    """Return the reference length closest to each hypothesis' length; the shorter of two."""
    references = corpus.lengths[len(lengths) :]
    distance = np.abs(references - lengths[corpus.picture])
    order = np.lexsort((references, distance, corpus.picture))
    first = np.searchsorted(corpus.picture[order], np.arange(len(lengths)))
    return references[order][first]
