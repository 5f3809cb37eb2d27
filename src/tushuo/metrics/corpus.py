"""Captions to be scored, as words, and their n-grams as integers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from jaxtyping import Int

from tushuo.errors import DataError
from tushuo.metrics.document_frequencies import DocumentFrequencies

MAX_N = 4  # longest n-grams of BLEU and CIDEr
CHUNK = 1 << 15  # words sorted at once
Words = Sequence[str]


@dataclass(frozen=True)
class NgramTable:
    """Counts of the n-grams of one length, one row per caption and n-gram that occurs in it.

    Attributes:
        caption: index of the caption; hypotheses come first, then all references in order.
        ngram: index of the n-gram, from 0 to ``distinct``.
        count: how often the n-gram occurs in the caption.
        prefix: for each n-gram, index of the (n-1)-gram before its last word; itself for n = 1.
        last_word: for each n-gram, index of its last word.
    """

    caption: Int[np.ndarray, " N"]
    ngram: Int[np.ndarray, " N"]
    count: Int[np.ndarray, " N"]
    prefix: Int[np.ndarray, " G"]
    last_word: Int[np.ndarray, " G"]

    @property
    def distinct(self) -> int:
        """Number of distinct n-grams."""
        return len(self.last_word)


@dataclass(frozen=True)
class Corpus:
    """One hypothesis and at least one reference for each picture.

    Attributes:
        hypotheses: words of the caption of each picture.
        references: words of each picture's reference captions.
        frequencies: document frequencies for CIDEr; None to count those of the references.
    """

    hypotheses: Sequence[Words]
    references: Sequence[Sequence[Words]]
    frequencies: DocumentFrequencies | None = None

    def __post_init__(self) -> None:
        """Refuse a corpus that cannot be scored."""
        if len(self.hypotheses) != len(self.references) or not self.hypotheses:
            raise DataError(
                f"got {len(self.hypotheses)} hypotheses and references of {len(self.references)} "
                "pictures; expected one hypothesis for each of at least one picture"
            )
        empty = [str(place) for place, own in enumerate(self.references, 1) if not own]
        if empty:
            raise DataError(
                f"picture {empty[0]} of {len(self.references)} has no references; expected at "
                "least one for each; leave it out or add a reference"
            )

    @cached_property
    def picture(self) -> Int[np.ndarray, " R"]:
        """Index of the picture of each reference."""
        return np.repeat(np.arange(len(self.references)), [len(refs) for refs in self.references])

    @cached_property
    def captions(self) -> list[Words]:
        """All captions, hypotheses first, as the official BLEU and CIDEr tokenise them.

        They split words again at no-break spaces: "1 1/2" is one word to the tokenizer and to
        ROUGE-L, but two words to them.
        """
        captions = [*self.hypotheses, *chain.from_iterable(self.references)]
        if any("\xa0" in word for word in set(chain.from_iterable(captions))):
            return [" ".join(words).split() for words in captions]
        return captions

    @cached_property
    def lengths(self) -> Int[np.ndarray, " C"]:
        """Number of words of each caption, hypotheses first."""
        return np.fromiter(map(len, self.captions), np.int64, len(self.captions))

    @cached_property
    def ngrams(self) -> list[NgramTable]:
        """The n-grams of all captions, one table for each n."""
        words = map(self._word_ids.__getitem__, chain.from_iterable(self.captions))
        return count_ngrams(np.fromiter(words, np.int64), self.lengths)

    @cached_property
    def ngram_texts(self) -> list[list[str]]:
        """The words of each n-gram, separated by spaces, one list for each n."""
        words = list(self._word_ids)
        texts = [words]
        for table in self.ngrams[1:]:
            pairs = zip(table.prefix.tolist(), table.last_word.tolist(), strict=True)
            texts.append([f"{texts[-1][prefix]} {words[last]}" for prefix, last in pairs])
        return texts

    @cached_property
    def _word_ids(self) -> dict[str, int]:
        words = dict.fromkeys(chain.from_iterable(self.captions))
        return {word: index for index, word in enumerate(words)}


def count_ngrams(words: Int[np.ndarray, " T"], lengths: Int[np.ndarray, " C"]) -> list[NgramTable]:
    """Count the n-grams of concatenated captions, one table for each n.

    Args:
        words: the words of all captions, as integers from 0 without gaps.
        lengths: number of words of each caption.
    """
    caption = np.repeat(np.arange(len(lengths)), lengths)
    distinct = int(words.max(initial=-1)) + 1
    every_word = np.arange(distinct)
    ngram, tables = words, [_table(caption, words, every_word, every_word)]
    for n in range(2, MAX_N + 1):
        inside = caption[n - 1 :] == caption[: len(caption) - n + 1]  # does not cross captions
        keys = ngram[: len(inside)] * max(distinct, 1) + words[n - 1 :]
        unique, ngram = np.unique(keys, return_inverse=True)
        prefix, last_word = np.divmod(unique, max(distinct, 1))
        tables.append(_table(caption[: len(inside)][inside], ngram[inside], prefix, last_word))
    return tables


def _table(
    caption: Int[np.ndarray, " T"],
    ngram: Int[np.ndarray, " T"],
    prefix: Int[np.ndarray, " G"],
    last_word: Int[np.ndarray, " G"],
) -> NgramTable:
    caption, ngram, count = _count_pairs(caption, ngram, len(last_word))
    return NgramTable(caption, ngram, count, prefix, last_word)


def _count_pairs(
    owner: Int[np.ndarray, " T"], ngram: Int[np.ndarray, " T"], distinct: int
) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """Count the n-grams of each owner, given in ascending order of the owners.

    Chunks are sorted separately: they fit the processor's caches, so time grows linearly.
    """
    cuts = np.searchsorted(owner, owner[CHUNK::CHUNK])
    chunks = np.split(owner * max(distinct, 1) + ngram, np.unique(cuts))
    counted = [np.unique(chunk, return_counts=True) for chunk in chunks]
    keys = np.concatenate([unique for unique, _ in counted])
    return (*np.divmod(keys, max(distinct, 1)), np.concatenate([counts for _, counts in counted]))


def picture_frequency(
    picture: Int[np.ndarray, " N"], ngram: Int[np.ndarray, " N"], distinct: int
) -> Int[np.ndarray, " G"]:
    """Count the pictures in which each n-gram occurs, given in ascending order of the pictures."""
    _, ngram, _ = _count_pairs(picture, ngram, distinct)
    return np.bincount(ngram, minlength=distinct)


def index_words(
    captions: Sequence[Sequence[int]],
) -> tuple[Int[np.ndarray, " W"], Int[np.ndarray, " T"], Int[np.ndarray, " C"]]:
    """Return the distinct ids, all words as indices into them, and each caption's length."""
    lengths = np.fromiter(map(len, captions), np.int64, len(captions))
    flat = np.fromiter(chain.from_iterable(captions), np.int64, int(lengths.sum()))
    ids, words = np.unique(flat, return_inverse=True)
    return ids, words, lengths


def look_up(
    keys: Int[np.ndarray, " N"], queries: Int[np.ndarray, " M"]
) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]]:
    """Look up queries among sorted, distinct keys; return the indices of keys and queries."""
    if len(keys) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    index = np.minimum(np.searchsorted(keys, queries), len(keys) - 1)
    hit = np.flatnonzero(keys[index] == queries)
    return index[hit], hit


def look_up_all(
    keys: Int[np.ndarray, " N"], queries: Int[np.ndarray, " M"]
) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]]:
    """Look up queries among sorted keys that may repeat; return the indices of all pairs."""
    starts = np.searchsorted(keys, queries)
    return concatenate_ranges(starts, np.searchsorted(keys, queries, side="right") - starts)


def concatenate_ranges(
    starts: Int[np.ndarray, " M"], sizes: Int[np.ndarray, " M"]
) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]]:
    """Return all integers of the ranges that begin at ``starts``, and the range of each one."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    return starts[owner] + np.arange(len(owner)) - (np.cumsum(sizes) - sizes)[owner], owner
