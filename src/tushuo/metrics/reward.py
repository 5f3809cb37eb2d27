"""CIDEr-D and BLEU-4 of sampled captions, as word ids, fast enough for every training step.

The reward of self-critical training (Rennie et al., "Self-critical Sequence Training for Image
Captioning", CVPR 2017). Everything that depends on the references alone is computed once; a call
counts the n-grams of its captions and looks them up. Equal to `cider.Cider` and `bleu.Bleu` (a
test checks it), which take words and recompute everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import final

import numpy as np
from jaxtyping import Float, Int

from tushuo.metrics.base import divide_or_zero
from tushuo.metrics.bleu import Bleu, bleu_statistics
from tushuo.metrics.cider import inverse_document_frequency, length_penalty
from tushuo.metrics.corpus import (
    MAX_N,
    NgramTable,
    concatenate_ranges,
    count_ngrams,
    index_words,
    look_up,
    look_up_all,
    picture_frequency,
)

Ids = Sequence[int]
NO_REFERENCE = 1 << 40  # length that fills the slots of pictures with fewer references


@final
class Reward:
    """Scores captions of training pictures: CIDEr-D plus ``bleu`` times BLEU-4.

    Whether the end token counts is the caller's choice: with its id appended to references and
    captions alike, a caption that stops in mid-sentence loses the n-grams of a proper end.

    Args:
        references: word ids of each picture's reference captions, at least one each; document
            frequencies are counted in them.
        bleu: weight of BLEU-4, which is between 0 and 1 where CIDEr-D is between 0 and 10.
    """

    def __init__(self, references: Sequence[Sequence[Ids]], *, bleu: float = 0.0):
        self._bleu = bleu
        self._slots = max(map(len, references))
        sizes = np.array([len(captions) for captions in references])
        flat = list(chain.from_iterable(references))
        ids, words, lengths = index_words(flat)
        self._lengths = np.full((len(references), self._slots), NO_REFERENCE)
        self._lengths[_pictures_and_slots(sizes)] = lengths
        self._mask = self._lengths < NO_REFERENCE
        tables = count_ngrams(words, lengths)
        self._vocabulary = int(ids.max(initial=-1)) + 1
        prefixes = [np.zeros(len(ids), np.int64), *(table.prefix for table in tables[1:])]
        self._indices = [
            _index(table, prefix * self._vocabulary + ids[table.last_word], sizes, self._slots)
            for table, prefix in zip(tables, prefixes, strict=True)
        ]

    def __call__(
        self, pictures: Int[np.ndarray, " B"], captions: Sequence[Ids]
    ) -> Float[np.ndarray, " B"]:
        """Score each caption of the picture at the same place (an index into ``references``)."""
        ids, words, lengths = index_words(captions)
        known = np.zeros(0, np.int64)
        similarity = np.zeros((len(captions), self._slots))
        matches = []
        for table, index in zip(count_ngrams(words, lengths), self._indices, strict=True):
            known = self._known(table, index, ids, known)
            cosines, clipped = index.compare(table, known, pictures, len(captions))
            similarity += cosines / MAX_N
            matches.append(clipped)
        penalty = length_penalty(lengths[:, None], self._lengths[pictures])
        mask = self._mask[pictures]
        reward = 10 * (similarity * penalty * mask).sum(axis=1) / mask.sum(axis=1)
        if self._bleu:
            reward += self._bleu * self._bleu_4(matches, lengths, pictures)
        return reward

    def _known(
        self,
        table: NgramTable,
        index: "_ReferenceIndex",
        ids: Int[np.ndarray, " W"],
        known_prefixes: Int[np.ndarray, " F"],
    ) -> Int[np.ndarray, " G"]:
        """Return the references' index of each n-gram of the captions, -1 for an unknown one."""
        if len(known_prefixes):
            prefix = known_prefixes[table.prefix]
        else:
            prefix = np.zeros(table.distinct, np.int64)
        word = ids[table.last_word]
        unknown = (prefix < 0) | (word >= self._vocabulary)
        known = np.full(table.distinct, -1)
        row, hit = look_up(index.keys, np.where(unknown, -1, prefix * self._vocabulary + word))
        known[hit] = row
        return known

    def _bleu_4(
        self,
        matches: Sequence[Float[np.ndarray, " B"]],
        lengths: Int[np.ndarray, " B"],
        pictures: Int[np.ndarray, " B"],
    ) -> Float[np.ndarray, " B"]:
        references = np.sort(self._lengths[pictures], axis=1)  # the shorter of two equally close
        nearest = np.abs(references - lengths[:, None]).argmin(axis=1)
        closest = np.take_along_axis(references, nearest[:, None], axis=1)[:, 0]
        return Bleu().scores(bleu_statistics(matches, lengths, closest))[:, -1]


@dataclass(frozen=True)
class _ReferenceIndex:
    """The references' n-grams of one length; an entry is an n-gram of one reference.

    Attributes:
        keys: for each n-gram, a number made of its prefix and its last word; sorted.
        weight: idf weight of each n-gram; the last one, at -1, is that of unknown n-grams.
        norms: norm of each reference's vector.
        starts: index of each picture's first entry; a picture's entries are sorted by n-gram.
        ngram, slot, count: for each entry, the n-gram, the index of the reference among those of
            its picture, and how often it occurs.
    """

    keys: Int[np.ndarray, " G"]
    weight: Float[np.ndarray, " G1"]
    norms: Float[np.ndarray, "I slots"]
    starts: Int[np.ndarray, " J"]
    ngram: Int[np.ndarray, " E"]
    slot: Int[np.ndarray, " E"]
    count: Int[np.ndarray, " E"]

    def compare(
        self,
        table: NgramTable,
        known: Int[np.ndarray, " G"],
        pictures: Int[np.ndarray, " B"],
        captions: int,
    ) -> tuple[Float[np.ndarray, "B slots"], Float[np.ndarray, " B"]]:
        """Return the clipped cosine with each reference, and the clipped matches of BLEU."""
        slots = self.norms.shape[1]
        ngram = known[table.ngram]
        idf = self.weight[ngram]
        weights = idf * table.count
        entries, keys, place = self._entries_of(pictures)
        queries = np.where(ngram < 0, -1, place[table.caption] * len(self.keys) + ngram)
        entry, row = look_up_all(keys, queries)
        entry = entries[entry]
        reference_weights = idf[row] * self.count[entry]
        cells = table.caption[row] * slots + self.slot[entry]
        products = np.minimum(weights[row], reference_weights) * reference_weights
        dots = np.bincount(cells, products, captions * slots).astype(float)
        norms = np.sqrt(np.bincount(table.caption, weights**2, captions))[:, None]
        cosines = divide_or_zero(dots.reshape(captions, slots), norms * self.norms[pictures])
        begins = np.flatnonzero(np.diff(row, prepend=-1))  # runs of entries that match one row
        matched = row[begins]
        limit = np.maximum.reduceat(self.count[entry], begins) if len(matched) else entry[:0]
        clipped = np.minimum(limit, table.count[matched])
        return cosines, np.bincount(table.caption[matched], clipped, captions).astype(float)

    def _entries_of(
        self, pictures: Int[np.ndarray, " B"]
    ) -> tuple[Int[np.ndarray, " E"], Int[np.ndarray, " E"], Int[np.ndarray, " B"]]:
        """Return the entries of some pictures, their sorted keys, and each picture's place."""
        unique, place = np.unique(pictures, return_inverse=True)
        starts = self.starts[unique]
        entries, picture = concatenate_ranges(starts, self.starts[unique + 1] - starts)
        return entries, picture * len(self.keys) + self.ngram[entries], place


def _index(
    table: NgramTable, keys: Int[np.ndarray, " G"], sizes: Int[np.ndarray, " I"], slots: int
) -> _ReferenceIndex:
    """Weight the n-grams of all references and sort them."""
    picture, slot = _pictures_and_slots(sizes)
    frequency = picture_frequency(picture[table.caption], table.ngram, table.distinct)
    weight = inverse_document_frequency(len(sizes), frequency)
    squares = np.bincount(
        table.caption, (weight[table.ngram] * table.count) ** 2, minlength=len(picture)
    )
    norms = np.zeros((len(sizes), slots))
    norms[picture, slot] = np.sqrt(squares)
    order = np.lexsort((table.ngram, picture[table.caption]))
    caption = table.caption[order]
    return _ReferenceIndex(
        keys=keys,
        weight=np.append(weight, np.log(len(sizes))),
        norms=norms,
        starts=np.searchsorted(picture[caption], np.arange(len(sizes) + 1)),
        ngram=table.ngram[order],
        slot=slot[caption],
        count=table.count[order],
    )


def _pictures_and_slots(
    sizes: Int[np.ndarray, " I"],
) -> tuple[Int[np.ndarray, " R"], Int[np.ndarray, " R"]]:
    """Return each reference's picture, and its index among that picture's references."""
    slot, picture = concatenate_ranges(np.zeros_like(sizes), sizes)
    return picture, slot
