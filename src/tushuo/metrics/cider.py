"""CIDEr-D: Vedantam et al., "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015.

Equations 4 and 5, its defence against gaming: tf-idf vectors of n-grams (equation 1), clipped, a
gaussian penalty on the difference of lengths, the mean over n and over references, times 10. The
COCO evaluator computes this and prints it as CIDEr. It takes the number of bigrams for the length,
which differs from the words' for an empty caption.
"""

from typing import Literal, final

import numpy as np
from jaxtyping import Float, Int

from tushuo.metrics.corpus import Corpus, NgramTable, count_pairs, look_up
from tushuo.metrics.document_frequencies import DocumentFrequencies

SIGMA = 6.0


@final
class Cider:
    """CIDEr-D; its statistic is the score of each picture.

    Document frequencies come from the corpus' own references, as in the official evaluator, unless
    it brings those of others.
    """

    names = ("CIDEr", "CIDEr-D")  # the official evaluator's name, and what it is
    total: Literal["sum", "mean"] = "mean"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Compare each hypothesis with its references."""
        images = len(corpus.hypotheses)
        penalty = length_penalty(corpus.lengths[:images][corpus.picture], corpus.lengths[images:])
        cosines = [
            _cosines(corpus, grams, weights)
            for grams, weights in zip(corpus.grams, _weights(corpus), strict=True)
        ]
        similar = np.mean(cosines, axis=0) * penalty
        total = np.bincount(corpus.picture, similar, minlength=images)
        return (10 * total / np.bincount(corpus.picture, minlength=images))[:, None]

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Return them as they are, under both names."""
        return np.repeat(statistics, 2, axis=1)


def length_penalty(
    own: Int[np.ndarray, "*C"], theirs: Int[np.ndarray, "*R"]
) -> Float[np.ndarray, "*R"]:
    """Return the gaussian penalty on the difference of lengths, counted in bigrams."""
    delta = np.maximum(own - 1, 0) - np.maximum(theirs - 1, 0)
    return np.exp(-(delta.astype(float) ** 2) / (2 * SIGMA**2))


def frequencies_of(corpus: Corpus, *, tokenizer: str) -> DocumentFrequencies:
    """Return the document frequencies of a corpus' references, to score others by."""
    counts: dict[str, int] = {}
    for grams, names in zip(corpus.grams, corpus.names, strict=True):
        frequency = _frequency(corpus, grams)
        counts |= {names[gram]: int(frequency[gram]) for gram in np.flatnonzero(frequency > 1)}
    return DocumentFrequencies(documents=len(corpus.references), tokenizer=tokenizer, counts=counts)


def _cosines(
    corpus: Corpus, grams: NgramTable, weight: Float[np.ndarray, " G"]
) -> Float[np.ndarray, " R"]:
    """Return the clipped cosine of each reference with its picture's hypothesis."""
    images = len(corpus.hypotheses)
    weights = grams.count * weight[grams.gram]
    squares = np.bincount(grams.caption, weights**2, minlength=len(corpus.lengths))
    own = grams.caption < images
    reference = grams.caption[~own] - images
    place, there = look_up(
        grams.caption[own] * grams.kinds + grams.gram[own],
        corpus.picture[reference] * grams.kinds + grams.gram[~own],
    )
    theirs = weights[~own][there]
    dots = np.bincount(
        reference[there],
        np.minimum(weights[own][place], theirs) * theirs,
        minlength=len(corpus.picture),
    ).astype(float)  # numpy counts in integers where there is nothing to count
    norms = np.sqrt(squares[:images][corpus.picture]) * np.sqrt(squares[images:])
    return np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0)


def _weights(corpus: Corpus) -> list[Float[np.ndarray, " G"]]:
    """Return the weight of each n-gram (equation 1), a table for each n."""
    if corpus.frequencies is None:
        documents = len(corpus.references)
        frequencies = [_frequency(corpus, grams) for grams in corpus.grams]
    else:
        documents, known = corpus.frequencies.documents, corpus.frequencies.counts
        frequencies = [
            np.fromiter((known.get(name, 1) for name in names), np.int64, len(names))
            for names in corpus.names
        ]
    return [np.log(float(documents)) - np.log(np.maximum(of, 1)) for of in frequencies]


def _frequency(corpus: Corpus, grams: NgramTable) -> Int[np.ndarray, " G"]:
    """Count the pictures whose references hold each n-gram."""
    theirs = grams.caption >= len(corpus.hypotheses)
    picture = corpus.picture[grams.caption[theirs] - len(corpus.hypotheses)]
    _, gram, _ = count_pairs(picture, grams.gram[theirs], grams.kinds)
    return np.bincount(gram, minlength=grams.kinds)
