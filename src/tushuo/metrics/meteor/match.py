"""Every match of two captions: by word, stem, synonym or paraphrase.

Denkowski, Lavie, "Meteor Universal", WMT 2014, section 2. The order of the matches is the official
program's, since it decides between equal alignments. One of its oddities is here: words are equal
when their hashes are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tushuo.metrics.meteor.extra import function_words
from tushuo.metrics.meteor.paraphrases import LONGEST, Paraphrases

EXACT, STEM, SYNONYM, PARAPHRASE = range(4)


class Match(NamedTuple):
    """Some words of the reference and the words of the hypothesis that say the same."""

    start: int
    length: int
    own_start: int
    own_length: int
    kind: int


@dataclass(frozen=True)
class Caption:
    """A caption's words and all that they can match by.

    Attributes:
        words: as ``normalise`` splits them.
        hashes: of the words; equal hashes are equal words.
        stems: hashes of the words' stems.
        synonyms: names of the sets of synonyms of each word.
        table: paraphrases.
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
    def places(self) -> dict[int, list[int]]:
        """Where each hash stands."""
        return _places(self.hashes)

    @cached_property
    def stem_places(self) -> dict[int, list[int]]:
        """Where each stem's hash stands."""
        return _places(self.stems)

    @cached_property
    def phrases(self) -> dict[str, list[tuple[int, int]]]:
        """Start and length of each phrase of up to ``LONGEST`` words."""
        found: dict[str, list[tuple[int, int]]] = {}
        for start in range(len(self.words)):
            phrase = ""
            for length, word in enumerate(self.words[start : start + LONGEST], start=1):
                phrase = f"{phrase} {word}" if phrase else word
                found.setdefault(phrase, []).append((start, length))
        return found

    @cached_property
    def known(self) -> list[tuple[tuple[int, int], list[str]]]:
        """Start and length of each phrase that has paraphrases, in order, and these."""
        table = self.table
        found = [
            (place, table[phrase])
            for phrase, places in self.phrases.items()
            if phrase in table
            for place in places
        ]
        return sorted(found, key=lambda pair: pair[0])


def _places(keys: Sequence[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for place, key in enumerate(keys):
        found.setdefault(key, []).append(place)
    return found


def java_hash(word: str) -> int:
    """Return Java's hash of a string; a few short words share one, as ``as`` and ``c5``."""
    value = 0
    for unit in memoryview(word.encode("utf-16-le", "surrogatepass")).cast("H"):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value


def find_matches(own: Caption, reference: Caption) -> list[Match]:
    """Find every match of a hypothesis and a reference; equal captions match by words alone."""
    found = [
        Match(start, 1, place, 1, EXACT)
        for start, key in enumerate(reference.hashes)
        for place in own.places.get(key, ())
    ]
    if own.hashes != reference.hashes:
        found += _stems(own, reference)
        found += _synonyms(own, reference)
        for place, other in _meet(reference, own):
            found.append(Match(*place, *other, PARAPHRASE))
        for other, place in _meet(own, reference):
            found.append(Match(*place, *other, PARAPHRASE))
    return found


def _stems(own: Caption, reference: Caption) -> Iterator[Match]:
    for start, (key, stem) in enumerate(zip(reference.hashes, reference.stems, strict=True)):
        for place in own.stem_places.get(stem, ()):
            if own.hashes[place] != key:
                yield Match(start, 1, place, 1, STEM)


def _synonyms(own: Caption, reference: Caption) -> Iterator[Match]:
    candidates = [(place, key, own.synonyms[place]) for place, key in enumerate(own.hashes)]
    candidates = [candidate for candidate in candidates if candidate[2]]
    for start, sets in enumerate(reference.synonyms):
        if sets:
            for place, key, theirs in candidates:
                if not sets.isdisjoint(theirs) and key != reference.hashes[start]:
                    yield Match(start, 1, place, 1, SYNONYM)


def _meet(first: Caption, second: Caption) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Find parts of the second that are paraphrases of parts of the first, in the table's order."""
    phrases = second.phrases.keys()
    for place, others in first.known:
        found = phrases & others
        for other in sorted(found, key=others.index) if len(found) > 1 else found:
            for there in second.phrases[other]:
                yield place, there
