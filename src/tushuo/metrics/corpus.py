"""Captions to be scored, as words, and their n-grams as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from jaxtyping import Int

from tushuo.errors import DataError
from tushuo.metrics.document_frequencies import DocumentFrequencies

MAX_N = 4  # longest n-grams of BLEU and CIDEr
PIECE = 1 << 15  # words that are sorted at once
Words = Sequence[str]


@dataclass(frozen=True)
class NgramTable:
    """How often each n-gram of one length stands in each caption; a row per pair that occurs.

    Attributes:
        caption: the caption; hypotheses come first, then all references in order.
        gram: the n-gram's number, from 0 to ``kinds``.
        count: how often.
        first: of each n-gram, the number of the n-gram without its last word; itself for n = 1.
        last: of each n-gram, the number of its last word.
    """

    caption: Int[np.ndarray, " N"]
    gram: Int[np.ndarray, " N"]
    count: Int[np.ndarray, " N"]
    first: Int[np.ndarray, " G"]
    last: Int[np.ndarray, " G"]

    @property
    def kinds(self) -> int:
        """How many different n-grams there are."""
        return len(self.last)


@dataclass(frozen=True)
class Corpus:
    """One hypothesis and some references for each picture.

    Attributes:
        hypotheses: words of the caption of each picture.
        references: words of the captions that people gave to it.
        frequencies: document frequencies of other references; None for those of these.
    """

    hypotheses: Sequence[Words]
    references: Sequence[Sequence[Words]]
    frequencies: DocumentFrequencies | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be scored."""
        if len(self.hypotheses) != len(self.references) or not self.hypotheses:
            raise DataError(
                f"{len(self.hypotheses)} hypotheses and references of {len(self.references)} "
                "pictures came; expected one hypothesis for each of at least one picture"
            )
        if not all(self.references):
            raise DataError("a picture has no references; leave it out, or give it one")

    @cached_property
    def picture(self) -> Int[np.ndarray, " R"]:
        """The picture of each reference."""
        return np.repeat(np.arange(len(self.references)), [len(refs) for refs in self.references])

    @cached_property
    def captions(self) -> list[Words]:
        """All captions, hypotheses first, as the official BLEU and CIDEr see them.

        They split words once more, at a no-break space: "1 1/2" is one word to the tokenizer and to
        ROUGE-L, two to them.
        """
        captions = [*self.hypotheses, *chain.from_iterable(self.references)]
        if any("\xa0" in word for word in set(chain.from_iterable(captions))):
            return [" ".join(words).split() for words in captions]
        return captions

    @cached_property
    def lengths(self) -> Int[np.ndarray, " C"]:
        """Words of each caption, hypotheses first."""
        return np.fromiter(map(len, self.captions), np.int64, len(self.captions))

    @cached_property
    def grams(self) -> list[NgramTable]:
        """The n-grams of all captions, a table for each n."""
        flat = map(self._numbers.__getitem__, chain.from_iterable(self.captions))
        return count_grams(np.fromiter(flat, np.int64), self.lengths)

    @cached_property
    def names(self) -> list[list[str]]:
        """Each n-gram's words with spaces between, a list for each n."""
        words = list(self._numbers)
        names = [words]
        for grams in self.grams[1:]:
            pairs = zip(grams.first.tolist(), grams.last.tolist(), strict=True)
            names.append([f"{names[-1][first]} {words[last]}" for first, last in pairs])
        return names

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """A number for each word."""
        words = dict.fromkeys(chain.from_iterable(self.captions))
        return {word: number for number, word in enumerate(words)}


def count_grams(words: Int[np.ndarray, " T"], lengths: Int[np.ndarray, " C"]) -> list[NgramTable]:
    """Count the n-grams of captions that stand one behind the other, a table for each n.

    Args:
        words: numbers from 0, without gaps.
        lengths: words of each caption.
    """
    caption = np.repeat(np.arange(len(lengths)), lengths)
    kinds = int(words.max(initial=-1)) + 1
    numbers = np.arange(kinds)
    gram, tables = words, [_table(caption, words, numbers, numbers)]
    for n in range(2, MAX_N + 1):
        inside = caption[n - 1 :] == caption[: len(caption) - n + 1]  # does not cross an end
        pairs = gram[: len(inside)] * max(kinds, 1) + words[n - 1 :]
        found, gram = np.unique(pairs, return_inverse=True)
        first, last = np.divmod(found, max(kinds, 1))
        tables.append(_table(caption[: len(inside)][inside], gram[inside], first, last))
    return tables


def _table(
    caption: Int[np.ndarray, " T"],
    gram: Int[np.ndarray, " T"],
    first: Int[np.ndarray, " G"],
    last: Int[np.ndarray, " G"],
) -> NgramTable:
    owner, gram, count = count_pairs(caption, gram, len(last))
    return NgramTable(owner, gram, count, first, last)


def count_pairs(
    owner: Int[np.ndarray, " T"], gram: Int[np.ndarray, " T"], kinds: int
) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """Count the n-grams of each owner; owners ascend, so that pieces are sorted on their own.

    Pieces stay in the processor's caches: ten times the captions take ten times as long.
    """
    cuts = np.searchsorted(owner, owner[PIECE::PIECE])
    keys = np.split(owner * max(kinds, 1) + gram, np.unique(cuts))
    pieces = [np.unique(piece, return_counts=True) for piece in keys]
    found = np.concatenate([piece for piece, _ in pieces])
    return (*np.divmod(found, max(kinds, 1)), np.concatenate([counts for _, counts in pieces]))


def numbered(
    captions: Sequence[Sequence[int]],
) -> tuple[Int[np.ndarray, " W"], Int[np.ndarray, " T"], Int[np.ndarray, " C"]]:
    """Return the different ids, all words as places among them, and each caption's length."""
    lengths = np.fromiter(map(len, captions), np.int64, len(captions))
    flat = np.fromiter(chain.from_iterable(captions), np.int64, int(lengths.sum()))
    known, words = np.unique(flat, return_inverse=True)
    return known, words, lengths


def look_up(
    keys: Int[np.ndarray, " N"], wanted: Int[np.ndarray, " M"]
) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]]:
    """Find wanted numbers among sorted keys; return the places in ``keys`` and in ``wanted``."""
    if len(keys) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    there = np.flatnonzero(keys[place] == wanted)
    return place[there], there


def look_up_all(
    keys: Int[np.ndarray, " N"], wanted: Int[np.ndarray, " M"]
) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]]:
    """Find wanted numbers wherever they stand among sorted keys; return the places in both."""
    low = np.searchsorted(keys, wanted)
    many = np.searchsorted(keys, wanted, side="right") - low
    there = np.repeat(np.arange(len(wanted)), many)
    return low[there] + np.arange(len(there)) - (np.cumsum(many) - many)[there], there
