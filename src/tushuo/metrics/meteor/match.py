"""Find every match of two captions: by word, stem, synonym or paraphrase.

Denkowski, Lavie, "Meteor Universal", WMT 2014, section 2. The matches are in the official program's
order, since the order decides between equal alignments, and words are equal when their Java hashes
are, which is one of its quirks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tushuo.metrics.meteor.extra import function_words
from tushuo.metrics.meteor.paraphrases import LONGEST, Paraphrases

EXACT, STEM, SYNONYM, PARAPHRASE = range(4)
Span = tuple[int, int]  # start and length


class Match(NamedTuple):
    """A span of the reference and the span of the hypothesis that it matches."""

    ref_start: int
    ref_length: int
    hyp_start: int
    hyp_length: int
    kind: int


@dataclass(frozen=True)
class Caption:
    """The words of a caption and the keys that they match by.

    Attributes:
        words: as ``normalise`` splits them.
        hashes: hash of each word; words with equal hashes are equal.
        stems: hash of each word's stem.
        synonyms: names of the synonym sets of each word.
        table: the paraphrase table.
    """

    words: Sequence[str]
    hashes: Sequence[int]
    stems: Sequence[int]
    synonyms: Sequence[frozenset[str]]
    table: Paraphrases

    @cached_property
    def function(self) -> list[bool]:
        """Whether each word is a function word."""
        return [word in function_words() for word in self.words]

    @cached_property
    def hash_positions(self) -> dict[int, list[int]]:
        """Positions of each word's hash."""
        return _positions(self.hashes)

    @cached_property
    def stem_positions(self) -> dict[int, list[int]]:
        """Positions of each stem's hash."""
        return _positions(self.stems)

    @cached_property
    def phrases(self) -> dict[str, list[Span]]:
        """Spans of each phrase of up to ``LONGEST`` words."""
        spans: dict[str, list[Span]] = {}
        for start in range(len(self.words)):
            phrase = ""
            for length, word in enumerate(self.words[start : start + LONGEST], start=1):
                phrase = f"{phrase} {word}" if phrase else word
                spans.setdefault(phrase, []).append((start, length))
        return spans

    @cached_property
    def paraphrases(self) -> list[tuple[Span, list[str]]]:
        """Spans that have paraphrases, in order, and their paraphrases."""
        table = self.table
        entries = [
            (span, table[phrase])
            for phrase, spans in self.phrases.items()
            if phrase in table
            for span in spans
        ]
        return sorted(entries, key=lambda entry: entry[0])


def _positions(keys: Sequence[int]) -> dict[int, list[int]]:
    positions: dict[int, list[int]] = {}
    for position, key in enumerate(keys):
        positions.setdefault(key, []).append(position)
    return positions


def java_hash(word: str) -> int:
    """Return Java's hash of a string; a few short words share one, such as ``as`` and ``c5``."""
    value = 0
    for unit in memoryview(word.encode("utf-16-le", "surrogatepass")).cast("H"):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value


def find_matches(hypothesis: Caption, reference: Caption) -> list[Match]:
    """Find every match of a hypothesis and a reference; equal captions match by words only."""
    matches = [
        Match(start, 1, position, 1, EXACT)
        for start, key in enumerate(reference.hashes)
        for position in hypothesis.hash_positions.get(key, ())
    ]
    if hypothesis.hashes != reference.hashes:
        matches += _stem_matches(hypothesis, reference)
        matches += _synonym_matches(hypothesis, reference)
        for ref_span, hyp_span in _paraphrased_spans(reference, hypothesis):
            matches.append(Match(*ref_span, *hyp_span, PARAPHRASE))
        for hyp_span, ref_span in _paraphrased_spans(hypothesis, reference):
            matches.append(Match(*ref_span, *hyp_span, PARAPHRASE))
    return matches


def _stem_matches(hypothesis: Caption, reference: Caption) -> Iterator[Match]:
    for start, (key, stem) in enumerate(zip(reference.hashes, reference.stems, strict=True)):
        for position in hypothesis.stem_positions.get(stem, ()):
            if hypothesis.hashes[position] != key:
                yield Match(start, 1, position, 1, STEM)


def _synonym_matches(hypothesis: Caption, reference: Caption) -> Iterator[Match]:
    candidates = [
        (position, key, hypothesis.synonyms[position])
        for position, key in enumerate(hypothesis.hashes)
        if hypothesis.synonyms[position]
    ]
    for start, synonyms in enumerate(reference.synonyms):
        if synonyms:
            for position, key, others in candidates:
                if not synonyms.isdisjoint(others) and key != reference.hashes[start]:
                    yield Match(start, 1, position, 1, SYNONYM)


def _paraphrased_spans(first: Caption, second: Caption) -> Iterator[tuple[Span, Span]]:
    """Find spans of the second that paraphrase spans of the first, in the table's order."""
    phrases = second.phrases.keys()
    for span, paraphrases in first.paraphrases:
        common = phrases & paraphrases
        for phrase in sorted(common, key=paraphrases.index) if len(common) > 1 else common:
            for other in second.phrases[phrase]:
                yield span, other
