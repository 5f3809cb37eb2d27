"""CIDEr-D and BLEU-4 of sampled captions, as word ids, fast enough for every step of a training.

The reward of self-critical training (Rennie et al., "Self-critical Sequence Training for Image
Captioning", CVPR 2017). All that depends on the references alone is made once; a call counts the
n-grams of its captions and looks them up. Equal to `cider.Cider` and `bleu.Bleu` (a test), which
read words and make everything anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import final

import numpy as np
from jaxtyping import Float, Int

from tushuo.metrics.bleu import Bleu
from tushuo.metrics.cider import length_penalty
from tushuo.metrics.corpus import MAX_N, NgramTable, count_grams, look_up, look_up_all, numbered

Ids = Sequence[int]
FAR = 1 << 40  # a length that no reference has


@final
class Reward:
    """Scores captions of known pictures: CIDEr-D plus ``bleu`` times BLEU-4.

    Whether an end token counts is the caller's choice: append its id to references and captions
    alike, and a caption that stops in mid-sentence loses the n-grams of a proper end.

    Args:
        references: ids of the captions that people gave to each picture, at least one each; their
            document frequencies are the ones used.
        bleu: weight of BLEU-4, which lies between 0 and 1 where CIDEr-D lies between 0 and 10.
    """

    def __init__(self, references: Sequence[Sequence[Ids]], *, bleu: float = 0.0):
        self._bleu = bleu
        self._most = max(map(len, references))
        sizes = np.array([len(captions) for captions in references])
        flat = list(chain.from_iterable(references))
        self._lengths = np.full((len(references), self._most), FAR)
        self._lengths[_slots(sizes)] = [len(ids) for ids in flat]
        self._there = self._lengths < FAR
        known, words, lengths = numbered(flat)
        tables = count_grams(words, lengths)
        self._words = int(known.max(initial=-1)) + 1
        firsts = [np.zeros(len(known), np.int64), *(table.first for table in tables[1:])]
        self._orders = [
            _order(table, first * self._words + known[table.last], sizes, self._most)
            for table, first in zip(tables, firsts, strict=True)
        ]

    def __call__(
        self, pictures: Int[np.ndarray, " B"], captions: Sequence[Ids]
    ) -> Float[np.ndarray, " B"]:
        """Score each caption of the picture beside it (a place in ``references``)."""
        known, words, lengths = numbered(captions)
        tables = count_grams(words, lengths)
        names = np.zeros(0, np.int64)
        alike = np.zeros((len(captions), self._most))
        matches = []
        for table, order in zip(tables, self._orders, strict=True):
            names = self._names(table, order, known, names)
            cosines, clipped = order.compare(table, names, pictures, len(captions))
            alike += cosines / MAX_N
            matches.append(clipped)
        penalty = length_penalty(lengths[:, None], self._lengths[pictures])
        there = self._there[pictures]
        found = 10 * (alike * penalty * there).sum(axis=1) / there.sum(axis=1)
        if self._bleu:
            found += self._bleu * self._bleu_4(matches, lengths, pictures)
        return found

    def _names(
        self,
        table: NgramTable,
        order: "_Order",
        known: Int[np.ndarray, " W"],
        shorter: Int[np.ndarray, " F"],
    ) -> Int[np.ndarray, " G"]:
        """Return the references' number of each n-gram of the captions, -1 for a new one."""
        first = shorter[table.first] if len(shorter) else np.zeros(table.kinds, np.int64)
        word = known[table.last]
        keys = np.where((first < 0) | (word >= self._words), -1, first * self._words + word)
        names = np.full(table.kinds, -1)
        place, there = look_up(order.keys, keys)
        names[there] = place
        return names

    def _bleu_4(
        self,
        matches: Sequence[Float[np.ndarray, " B"]],
        lengths: Int[np.ndarray, " B"],
        pictures: Int[np.ndarray, " B"],
    ) -> Float[np.ndarray, " B"]:
        theirs = np.sort(self._lengths[pictures], axis=1)  # of two equally close, the shorter
        nearest = np.abs(theirs - lengths[:, None]).argmin(axis=1)
        closest = np.take_along_axis(theirs, nearest[:, None], axis=1)[:, 0]
        guesses = [np.maximum(lengths - n, 0) for n in range(MAX_N)]
        statistics = np.stack([*matches, *guesses, lengths, closest], axis=1).astype(float)
        return Bleu().scores(statistics)[:, -1]


@dataclass(frozen=True)
class _Order:
    """The references' n-grams of one length.

    Attributes:
        keys: of each n-gram, from its first words' number and its last word; sorted.
        weight: of each n-gram: logarithm of all pictures by those that have it; last, at -1, that
            of an n-gram which no reference has.
        norms: of each reference.
        starts: where each picture's entries begin; they are sorted by n-gram.
        gram, slot, count: of each entry: n-gram, which of the picture's references, how often.
    """

    keys: Int[np.ndarray, " G"]
    weight: Float[np.ndarray, " G1"]
    norms: Float[np.ndarray, "I most"]
    starts: Int[np.ndarray, " J"]
    gram: Int[np.ndarray, " E"]
    slot: Int[np.ndarray, " E"]
    count: Int[np.ndarray, " E"]

    def compare(
        self,
        table: NgramTable,
        names: Int[np.ndarray, " G"],
        pictures: Int[np.ndarray, " B"],
        captions: int,
    ) -> tuple[Float[np.ndarray, "B most"], Float[np.ndarray, " B"]]:
        """Return the clipped cosine with each reference, and the clipped matches of BLEU."""
        most = self.norms.shape[1]
        name = names[table.gram]
        weight = self.weight[name]
        own = weight * table.count
        entries, keys, local = self._entries_of(pictures)
        wanted = np.where(name < 0, -1, local[table.caption] * len(self.keys) + name)
        place, mine = look_up_all(keys, wanted)
        place = entries[place]
        theirs = weight[mine] * self.count[place]
        cells = table.caption[mine] * most + self.slot[place]
        dots = np.bincount(cells, np.minimum(own[mine], theirs) * theirs, captions * most)
        norm = np.sqrt(np.bincount(table.caption, own**2, captions))[:, None]
        norm = norm * self.norms[pictures]
        dots = dots.reshape(captions, most).astype(float)
        cosines = np.divide(dots, norm, out=np.zeros_like(dots), where=norm > 0)
        begins = np.flatnonzero(np.diff(mine, prepend=-1))  # of what one entry matches
        matched = mine[begins]
        best = np.maximum.reduceat(self.count[place], begins) if len(matched) else place[:0]
        clipped = np.minimum(best, table.count[matched])
        return cosines, np.bincount(table.caption[matched], clipped, captions).astype(float)

    def _entries_of(
        self, pictures: Int[np.ndarray, " B"]
    ) -> tuple[Int[np.ndarray, " E"], Int[np.ndarray, " E"], Int[np.ndarray, " B"]]:
        """Return the entries of some pictures, their sorted keys, and each picture's place."""
        unique, local = np.unique(pictures, return_inverse=True)
        low = self.starts[unique]
        many = self.starts[unique + 1] - low
        picture = np.repeat(np.arange(len(unique)), many)
        entries = low[picture] + np.arange(len(picture)) - (np.cumsum(many) - many)[picture]
        return entries, picture * len(self.keys) + self.gram[entries], local


def _order(
    table: NgramTable, keys: Int[np.ndarray, " G"], sizes: Int[np.ndarray, " I"], most: int
) -> _Order:
    """Weigh the n-grams of all references (Vedantam et al., equation 1) and sort them."""
    picture, slot = _slots(sizes)
    pairs = np.unique(picture[table.caption] * max(table.kinds, 1) + table.gram)
    frequency = np.bincount(pairs % max(table.kinds, 1), minlength=table.kinds)
    weight = np.log(len(sizes)) - np.log(np.maximum(frequency, 1))
    squares = np.bincount(
        table.caption, (weight[table.gram] * table.count) ** 2, minlength=len(picture)
    )
    norms = np.zeros((len(sizes), most))
    norms[picture, slot] = np.sqrt(squares)
    order = np.lexsort((table.gram, picture[table.caption]))
    caption = table.caption[order]
    return _Order(
        keys=keys,
        weight=np.append(weight, np.log(len(sizes))),
        norms=norms,
        starts=np.searchsorted(picture[caption], np.arange(len(sizes) + 1)),
        gram=table.gram[order],
        slot=slot[caption],
        count=table.count[order],
    )


def _slots(sizes: Int[np.ndarray, " I"]) -> tuple[Int[np.ndarray, " R"], Int[np.ndarray, " R"]]:
    """Return each reference's picture, and which of that picture's references it is."""
    picture = np.repeat(np.arange(len(sizes)), sizes)
    return picture, np.arange(len(picture)) - (np.cumsum(sizes) - sizes)[picture]
