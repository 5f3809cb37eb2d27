"""METEOR's counts without Java: each hypothesis with the reference it aligns best with."""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version

import numpy as np
from jaxtyping import Float

from tushuo.errors import MissingPartError
from tushuo.metrics.corpus import Corpus, Words
from tushuo.metrics.meteor.align import align
from tushuo.metrics.meteor.extra import STEMMER_VERSION, Synonyms
from tushuo.metrics.meteor.formula import ALPHA, BETA, DELTA, GAMMA, WEIGHTS
from tushuo.metrics.meteor.match import Caption, java_hash
from tushuo.metrics.meteor.paraphrases import paraphrases
from tushuo.metrics.meteor.words import normalise
from tushuo.metrics.official import INSTALL

Row = list[int]


def count(corpus: Corpus) -> Float[np.ndarray, "I S"]:
    """Align each hypothesis with its best reference.

    Raises:
        MissingPartError: the extra is not installed.
    """
    analyse = _analyser()
    rows = [
        _best_row(analyse(hypothesis), [analyse(reference) for reference in references])
        for hypothesis, references in zip(corpus.hypotheses, corpus.references, strict=True)
    ]
    return np.array(rows, dtype=float)


class _Analyser:
    """Turns words into captions that can be aligned; caches what it computes for a word."""

    def __init__(self) -> None:
        self._synonyms = Synonyms()
        self._table = paraphrases()
        self._stem = _stemmer()
        self._hashes: dict[str, tuple[int, int]] = {}

    def __call__(self, words: Words) -> Caption:
        normalised = normalise(" ".join(words).replace("|||", ""))
        hashes = [self._hash(word) for word in normalised]
        return Caption(
            words=normalised,
            hashes=[word_hash for word_hash, _ in hashes],
            stems=[stem_hash for _, stem_hash in hashes],
            synonyms=[self._synonyms[word] for word in normalised],
            table=self._table,
        )

    def _hash(self, word: str) -> tuple[int, int]:
        if word not in self._hashes:
            self._hashes[word] = java_hash(word), java_hash(self._stem(word))
        return self._hashes[word]


@cache
def _analyser() -> _Analyser:
    return _Analyser()


def _stemmer() -> Callable[[str], str]:
    """Return Snowball's English stemmer of 2010; version 3 of the package stems differently."""
    required = f"METEOR requires snowballstemmer {STEMMER_VERSION}"
    try:
        import snowballstemmer
    except ImportError as error:
        raise MissingPartError(
            f"{required}, which is not installed; install it with: {INSTALL}"
        ) from error
    if version("snowballstemmer").split(".")[0] != STEMMER_VERSION:
        raise MissingPartError(
            f"{required}, got {version('snowballstemmer')}, which stems differently; install it "
            f"with: {INSTALL}"
        )
    stem: Callable[[str], str] = snowballstemmer.stemmer("english").stemWord
    return stem


def _best_row(hypothesis: Caption, references: Sequence[Caption]) -> Row:
    """Return the counts of the reference with the highest score, the first of equals."""
    return max((_row(hypothesis, reference) for reference in references), key=_score)


def _row(hypothesis: Caption, reference: Caption) -> Row:
    """Return the counts in the program's order; see ``formula.Meteor``."""
    matches, chunks = align(hypothesis, reference)
    kinds = [[0, 0, 0, 0] for _ in WEIGHTS]
    for match in matches:
        counts = kinds[match.kind]
        for position in range(match.hyp_start, match.hyp_start + match.hyp_length):
            counts[2 if hypothesis.function[position] else 0] += 1
        for position in range(match.ref_start, match.ref_start + match.ref_length):
            counts[3 if reference.function[position] else 1] += 1
    return [
        len(hypothesis.words),
        len(reference.words),
        sum(hypothesis.function),
        sum(reference.function),
        *(number for counts in kinds for number in counts),
        chunks,
        sum(match.hyp_length for match in matches),
        sum(match.ref_length for match in matches),
    ]


def _score(row: Row) -> float:
    """Score one alignment in the program's order of operations, so that ties are the same."""
    hyp_words, ref_words, hyp_function, ref_function = row[:4]
    chunks, hyp_matched, ref_matched = row[20:]
    if not hyp_matched:
        return 0.0
    hyp_sum = ref_sum = 0.0
    for column, delta in ((0, DELTA), (2, 1 - DELTA)):
        for kind, weight in enumerate(WEIGHTS.tolist()):
            hyp_sum += row[4 + 4 * kind + column] * weight * delta
            ref_sum += row[5 + 4 * kind + column] * weight * delta
    precision = hyp_sum / (DELTA * (hyp_words - hyp_function) + (1 - DELTA) * hyp_function)
    recall = ref_sum / (DELTA * (ref_words - ref_function) + (1 - DELTA) * ref_function)
    mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
    whole = (hyp_matched, ref_matched, chunks) == (hyp_words, ref_words, 1)
    fragmentation = 0.0 if whole else chunks / ((hyp_matched + ref_matched) / 2)
    return max(mean * (1 - GAMMA * fragmentation**BETA), 0.0)
