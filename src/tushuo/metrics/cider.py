"""CIDEr-D: Vedantam et al., "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015.

Equations 4 and 5, the variant that resists gaming: tf-idf vectors of n-grams (equation 1), clipped,
a Gaussian penalty on the difference of lengths, the mean over n and over references, times 10. The
COCO evaluator computes this and prints it as CIDEr. It measures length as the number of bigrams,
which differs from the number of words for an empty caption.
"""

from typing import Literal, final

import numpy as np
from jaxtyping import Float, Int

from tushuo.metrics.base import divide_or_zero
from tushuo.metrics.corpus import Corpus, NgramTable, look_up, picture_frequency
from tushuo.metrics.document_frequencies import DocumentFrequencies

SIGMA = 6.0


@final
class Cider:
    """CIDEr-D; its statistic is the score of each picture.

    Document frequencies are counted in the corpus' own references, as in the official evaluator,
    unless the corpus has others.
    """

    names = ("CIDEr", "CIDEr-D")  # the official evaluator's name, and the paper's
    total: Literal["sum", "mean"] = "mean"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Compare each hypothesis with its references."""
        images = len(corpus.hypotheses)
        penalty = length_penalty(corpus.lengths[:images][corpus.picture], corpus.lengths[images:])
        cosines = [
            _clipped_cosines(corpus, table, weights)
            for table, weights in zip(corpus.ngrams, _corpus_weights(corpus), strict=True)
        ]
        similarity = np.mean(cosines, axis=0) * penalty
        total = np.bincount(corpus.picture, similarity, minlength=images)
        return (10 * total / np.bincount(corpus.picture, minlength=images))[:, None]

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Return the statistics, which are the scores, under both names."""
        return np.repeat(statistics, 2, axis=1)


def length_penalty(
    lengths: Int[np.ndarray, "*C"], reference_lengths: Int[np.ndarray, "*R"]
) -> Float[np.ndarray, "*R"]:
    """Return the Gaussian penalty on the difference of lengths, counted in bigrams."""
    delta = np.maximum(lengths - 1, 0) - np.maximum(reference_lengths - 1, 0)
    return np.exp(-(delta.astype(float) ** 2) / (2 * SIGMA**2))


def inverse_document_frequency(
    documents: int, frequency: Int[np.ndarray, " G"]
) -> Float[np.ndarray, " G"]:
    """Return the idf weight of each n-gram (equation 1); an unknown one counts as in one picture.

    Args:
        documents: number of pictures.
        frequency: number of them whose references contain each n-gram.
    """
    return np.log(float(documents)) - np.log(np.maximum(frequency, 1))


def frequencies_of(corpus: Corpus, *, tokenizer: str) -> DocumentFrequencies:
    """Return the document frequencies of a corpus' references, to score other captions with."""
    counts: dict[str, int] = {}
    for table, texts in zip(corpus.ngrams, corpus.ngram_texts, strict=True):
        frequency = _reference_frequency(corpus, table)
        counts |= {texts[ngram]: int(frequency[ngram]) for ngram in np.flatnonzero(frequency > 1)}
    return DocumentFrequencies(documents=len(corpus.references), tokenizer=tokenizer, counts=counts)


def _clipped_cosines(
    corpus: Corpus, table: NgramTable, idf: Float[np.ndarray, " G"]
) -> Float[np.ndarray, " R"]:
    """Return the clipped cosine of each reference with its picture's hypothesis."""
    images = len(corpus.hypotheses)
    weights = table.count * idf[table.ngram]
    squares = np.bincount(table.caption, weights**2, minlength=len(corpus.lengths))
    hypothesis = table.caption < images
    reference = table.caption[~hypothesis] - images
    row, shared = look_up(
        table.caption[hypothesis] * table.distinct + table.ngram[hypothesis],
        corpus.picture[reference] * table.distinct + table.ngram[~hypothesis],
    )
    reference_weights = weights[~hypothesis][shared]
    dots = np.bincount(
        reference[shared],
        np.minimum(weights[hypothesis][row], reference_weights) * reference_weights,
        minlength=len(corpus.picture),
    ).astype(float)  # numpy counts in integers where there is nothing to count
    norms = np.sqrt(squares[:images][corpus.picture]) * np.sqrt(squares[images:])
    return divide_or_zero(dots, norms)


def _corpus_weights(corpus: Corpus) -> list[Float[np.ndarray, " G"]]:
    """Return the idf weights of the corpus' n-grams, one table for each n."""
    if corpus.frequencies is None:
        documents = len(corpus.references)
        frequencies = [_reference_frequency(corpus, table) for table in corpus.ngrams]
    else:
        documents, counts = corpus.frequencies.documents, corpus.frequencies.counts
        frequencies = [
            np.fromiter((counts.get(text, 1) for text in texts), np.int64, len(texts))
            for texts in corpus.ngram_texts
        ]
    return [inverse_document_frequency(documents, frequency) for frequency in frequencies]


def _reference_frequency(corpus: Corpus, table: NgramTable) -> Int[np.ndarray, " G"]:
    """Count the pictures whose references contain each n-gram."""
    reference = table.caption >= len(corpus.hypotheses)
    picture = corpus.picture[table.caption[reference] - len(corpus.hypotheses)]
    return picture_frequency(picture, table.ngram[reference], table.distinct)
