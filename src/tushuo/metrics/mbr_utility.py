"""How much captions agree with others of the same picture: CIDEr-D with weights of words alone.

The similarity is CIDEr-D's (Vedantam et al., CVPR 2015, equation 4): clipped cosines of n-grams, a
gaussian penalty on the difference of lengths, the mean over n.

Differs from the paper: an n-gram weighs what its words weigh together, instead of what it weighs
itself, so that one number a word is all that is known of other pictures; not times 10.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from jaxtyping import Float, Int

from tushuo.metrics.cider import length_penalty
from tushuo.metrics.corpus import MAX_N, NgramTable, count_grams, look_up_all, numbered

Ids = Sequence[int]


def mbr_utility(
    captions: Sequence[Sequence[Ids]],
    judges: Sequence[Sequence[Ids]],
    weights: Float[np.ndarray, " V"],
) -> list[Float[np.ndarray, " C"]]:
    """Return each caption's mean similarity to its picture's judges, 0 to 1.

    Args:
        captions: ids of the captions of each picture.
        judges: ids of the captions that each picture's are compared with, equally many for each.
        weights: of each word.
    """
    sizes = [len(of) for of in captions]
    picture = np.repeat(np.arange(len(sizes)), sizes)
    known, words, lengths = numbered([*chain(*captions), *chain(*judges)])
    C, J = len(picture), len(judges[0])
    alike = np.zeros((C, J))
    weight = np.zeros(1)
    for n, table in enumerate(count_grams(words, lengths)):
        weight = weights[known[table.last]] + (weight[table.first] if n else 0.0)
        alike += _cosines(table, weight, picture, J) / MAX_N
    theirs = lengths[C:].reshape(-1, J)[picture]
    mean = (alike * length_penalty(lengths[:C, None], theirs)).mean(axis=1)
    return np.split(mean, np.cumsum(sizes)[:-1])


def _cosines(
    table: NgramTable, weight: Float[np.ndarray, " G"], picture: Int[np.ndarray, " C"], judges: int
) -> Float[np.ndarray, "C J"]:
    """Return the clipped cosine of each caption with each judge of its picture.

    Args:
        table: the n-grams of the captions, then of the judges of the first picture, and so on.
        weight: of each n-gram.
        picture: of each caption.
        judges: of each picture.
    """
    C, worth = len(picture), table.count * weight[table.gram]
    own = np.searchsorted(table.caption, C)  # n-grams of captions; the others are of judges
    judge, slot = np.divmod(table.caption[own:] - C, judges)
    keys = judge * table.kinds + table.gram[own:]
    order = np.argsort(keys, kind="stable")
    wanted = picture[table.caption[:own]] * table.kinds + table.gram[:own]
    place, mine = look_up_all(keys[order], wanted)
    place = order[place]
    theirs, cells = worth[own:][place], table.caption[mine] * judges + slot[place]
    dots = np.bincount(cells, np.minimum(worth[mine], theirs) * theirs, C * judges).astype(float)
    captions = C + judges * (picture[-1] + 1)
    norms = np.sqrt(np.bincount(table.caption, worth**2, captions))
    norm = norms[:C, None] * norms[C:].reshape(-1, judges)[picture]
    dots = dots.reshape(C, judges)
    return np.divide(dots, norm, out=np.zeros_like(dots), where=norm > 0)
