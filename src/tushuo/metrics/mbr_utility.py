"""MBR utility: how similar a caption is to samples for the same picture, by CIDEr-D of word idf.

The similarity is CIDEr-D's (Vedantam et al., CVPR 2015, equation 4): clipped cosines of n-grams, a
Gaussian penalty on the difference of lengths, the mean over n.

Differs from the paper: the weight of an n-gram is the sum of its words' weights instead of its own
idf, so that word counts are all that must be known of the training captions; not times 10.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from jaxtyping import Float, Int

from tushuo.metrics.base import divide_or_zero
from tushuo.metrics.cider import length_penalty
from tushuo.metrics.corpus import MAX_N, NgramTable, count_ngrams, index_words, look_up_all

Ids = Sequence[int]


def mbr_utility(
    captions: Sequence[Sequence[Ids]],
    samples: Sequence[Sequence[Ids]],
    weights: Float[np.ndarray, " V"],
) -> list[Float[np.ndarray, " C"]]:
    """Return the mean similarity of each caption to its picture's samples, 0 to 1.

    Args:
        captions: word ids of each picture's captions.
        samples: word ids of the samples that they are compared with, equally many per picture.
        weights: weight of each word id.
    """
    sizes = [len(candidates) for candidates in captions]
    picture = np.repeat(np.arange(len(sizes)), sizes)
    ids, words, lengths = index_words([*chain(*captions), *chain(*samples)])
    C, S = len(picture), len(samples[0])
    similarity = np.zeros((C, S))
    weight = np.zeros(1)
    for n, table in enumerate(count_ngrams(words, lengths)):
        weight = weights[ids[table.last_word]] + (weight[table.prefix] if n else 0.0)
        similarity += _clipped_cosines(table, weight, picture, S) / MAX_N
    penalty = length_penalty(lengths[:C, None], lengths[C:].reshape(-1, S)[picture])
    return np.split((similarity * penalty).mean(axis=1), np.cumsum(sizes)[:-1])


def _clipped_cosines(
    table: NgramTable, weight: Float[np.ndarray, " G"], picture: Int[np.ndarray, " C"], samples: int
) -> Float[np.ndarray, "C S"]:
    """Return the clipped cosine of each caption with each sample of its picture.

    Args:
        table: the n-grams of all captions, followed by those of all samples, by picture.
        weight: weight of each n-gram.
        picture: index of each caption's picture.
        samples: number of samples per picture.
    """
    C, weights = len(picture), table.count * weight[table.ngram]
    split = np.searchsorted(table.caption, C)  # rows of captions, then rows of samples
    sample_picture, slot = np.divmod(table.caption[split:] - C, samples)
    keys = sample_picture * table.distinct + table.ngram[split:]
    order = np.argsort(keys, kind="stable")
    queries = picture[table.caption[:split]] * table.distinct + table.ngram[:split]
    index, row = look_up_all(keys[order], queries)
    index = order[index]
    sample_weights = weights[split:][index]
    cells = table.caption[row] * samples + slot[index]
    products = np.minimum(weights[row], sample_weights) * sample_weights
    dots = np.bincount(cells, products, C * samples).astype(float).reshape(C, samples)
    norms = np.sqrt(np.bincount(table.caption, weights**2, C + samples * (picture[-1] + 1)))
    return divide_or_zero(dots, norms[:C, None] * norms[C:].reshape(-1, samples)[picture])
