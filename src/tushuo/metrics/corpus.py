"""Captions to be scored, as words, and their n-grams as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from tushuo.errors import DataError

ORDER = 4  # longest n-grams of BLEU and CIDEr
Words = Sequence[str]


@dataclass(frozen=True)
class Grams:
    """How often each n-gram of one length stands in each caption; a row per pair that occurs.

    Attributes:
        caption: the caption; hypotheses come first, then all references in order.
        gram: the n-gram's number, from 0 to ``kinds``.
        count: how often.
    """

    caption: Int[np.ndarray, " N"]
    gram: Int[np.ndarray, " N"]
    count: Int[np.ndarray, " N"]
    kinds: int


@dataclass(frozen=True)
class Corpus:
    """One hypothesis and some references for each picture.

    Attributes:
        hypotheses: words of the caption of each picture.
        references: words of the captions that people gave to it.
    """

    hypotheses: Sequence[Words]
    references: Sequence[Sequence[Words]]

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
    def lengths(self) -> Int[np.ndarray, " C"]:
        """Words of each caption, hypotheses first."""
        references = [len(words) for refs in self.references for words in refs]
        return np.array([*map(len, self.hypotheses), *references])

    @cached_property
    def grams(self) -> list[Grams]:
        """The n-grams of all captions, a table for each n."""
        numbers: dict[str, int] = {}
        captions = [*self.hypotheses, *(words for refs in self.references for words in refs)]
        flat = np.array(
            [numbers.setdefault(word, len(numbers)) for words in captions for word in words],
            dtype=np.int64,
        )
        caption = np.repeat(np.arange(len(captions)), self.lengths)
        gram, kinds = flat, len(numbers)
        tables = [_table(caption, gram, kinds)]
        for n in range(2, ORDER + 1):
            inside = caption[n - 1 :] == caption[: len(caption) - n + 1]  # does not cross an end
            pairs = gram[: len(inside)] * max(len(numbers), 1) + flat[n - 1 :]
            found, inverse = np.unique(pairs, return_inverse=True)
            gram, kinds = inverse, len(found)
            tables.append(_table(caption[: len(inside)][inside], gram[inside], kinds))
        return tables


def _table(caption: Int[np.ndarray, " T"], gram: Int[np.ndarray, " T"], kinds: int) -> Grams:
    keys, count = np.unique(caption * max(kinds, 1) + gram, return_counts=True)
    return Grams(keys // max(kinds, 1), keys % max(kinds, 1), count, kinds)


def look_up(
    keys: Int[np.ndarray, " N"], wanted: Int[np.ndarray, " M"]
) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]]:
    """Find wanted numbers among sorted keys; return the places in ``keys`` and in ``wanted``."""
    if len(keys) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    there = np.flatnonzero(keys[place] == wanted)
    return place[there], there
