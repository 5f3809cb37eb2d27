"""METEOR's counts without Java: each hypothesis with the reference that it aligns with the best."""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version

import numpy as np
from jaxtyping import Float

from tushuo.errors import MissingPartError
from tushuo.metrics.corpus import Corpus, Words
from tushuo.metrics.meteor.align import align
from tushuo.metrics.meteor.extra import INSTALL, Synonyms
from tushuo.metrics.meteor.formula import ALPHA, BETA, DELTA, GAMMA, WEIGHTS
from tushuo.metrics.meteor.match import Caption, java_hash
from tushuo.metrics.meteor.paraphrases import paraphrases
from tushuo.metrics.meteor.words import normalise

Row = list[int]


def count(corpus: Corpus) -> Float[np.ndarray, "I S"]:
    """Align each hypothesis with its best reference.

    Raises:
        MissingPartError: the extra is not installed.
    """
    reader = _reader()
    rows = [
        _best(reader(own), [reader(reference) for reference in references])
        for own, references in zip(corpus.hypotheses, corpus.references, strict=True)
    ]
    return np.array(rows, dtype=float)


class _Reader:
    """Words to captions that can be aligned; what is known of a word is kept."""

    def __init__(self) -> None:
        self._synonyms = Synonyms()
        self._table = paraphrases()
        self._stem = _stemmer()
        self._hashes: dict[str, tuple[int, int]] = {}

    def __call__(self, words: Words) -> Caption:
        normal = normalise(" ".join(words).replace("|||", ""))
        hashes = [self._hash(word) for word in normal]
        return Caption(
            words=normal,
            hashes=[own for own, _ in hashes],
            stems=[stem for _, stem in hashes],
            synonyms=[self._synonyms[word] for word in normal],
            table=self._table,
        )

    def _hash(self, word: str) -> tuple[int, int]:
        if word not in self._hashes:
            self._hashes[word] = java_hash(word), java_hash(self._stem(word))
        return self._hashes[word]


@cache
def _reader() -> _Reader:
    return _Reader()


def _stemmer() -> Callable[[str], str]:
    """Return Snowball's English stemmer as it was in 2010; version 3 of the package has another."""
    try:
        import snowballstemmer
    except ImportError as error:
        raise MissingPartError(f"METEOR wants snowballstemmer 2: {INSTALL}") from error
    if version("snowballstemmer").split(".")[0] != "2":
        raise MissingPartError(
            f"METEOR wants snowballstemmer 2 and {version('snowballstemmer')} is here, which stems "
            f"otherwise: {INSTALL}"
        )
    stem: Callable[[str], str] = snowballstemmer.stemmer("english").stemWord
    return stem


def _best(own: Caption, references: Sequence[Caption]) -> Row:
    """Return the counts of the reference with the highest score, the first of equals."""
    return max((_row(own, reference) for reference in references), key=_score)


def _row(own: Caption, reference: Caption) -> Row:
    """Count as the program does; ``formula.Meteor`` tells what stands where."""
    matches, chunks = align(own, reference)
    kinds = [[0, 0, 0, 0] for _ in WEIGHTS]
    for match in matches:
        of = kinds[match.kind]
        for place in range(match.own_start, match.own_start + match.own_length):
            of[2 if own.function[place] else 0] += 1
        for place in range(match.start, match.start + match.length):
            of[3 if reference.function[place] else 1] += 1
    return [
        len(own.words),
        len(reference.words),
        sum(own.function),
        sum(reference.function),
        *(number for of in kinds for number in of),
        chunks,
        sum(match.own_length for match in matches),
        sum(match.length for match in matches),
    ]


def _score(row: Row) -> float:
    """Score one alignment, each step in the program's order, so that equals are equal here too."""
    words, theirs, function, their_function = row[:4]
    chunks, matched, their_matched = row[20:]
    if not matched:
        return 0.0
    own = their = 0.0
    for place, delta in ((0, DELTA), (2, 1 - DELTA)):
        for kind, weight in enumerate(WEIGHTS.tolist()):
            own += row[4 + 4 * kind + place] * weight * delta
            their += row[5 + 4 * kind + place] * weight * delta
    precision = own / (DELTA * (words - function) + (1 - DELTA) * function)
    recall = their / (DELTA * (theirs - their_function) + (1 - DELTA) * their_function)
    mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
    whole = (matched, their_matched, chunks) == (words, theirs, 1)
    fragments = 0.0 if whole else chunks / ((matched + their_matched) / 2)
    return max(mean * (1 - GAMMA * fragments**BETA), 0.0)
