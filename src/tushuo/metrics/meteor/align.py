"""METEOR's alignment: of all matches, the few that are kept, by beam search.

Denkowski, Lavie, "Meteor Universal", WMT 2014: an alignment uses each word once and
covers many words, in few chunks, over short distances. What the paper leaves open follows the
official program, its oddities too, since its numbers are the ones to be equal to: a match that
competes with others counts half unless it is exact, rounded down; and the distance that a match
crosses is put on the alignments that are made after it from the same beginning, not on its own.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TypeAlias

from tushuo.metrics.meteor.match import EXACT, Caption, Match, find_matches

BEAM = 40  # alignments kept at each word
NOWHERE = -1
# One number ranks an alignment: matched words, chunks and distance, each with digits of its own.
WORD, CHUNK = 1 << 60, 1 << 40

# rank; where the last match ends in the hypothesis, and in the reference; which words of the
# hypothesis are used, as bits; the matches
_Path: TypeAlias = tuple[int, int, int, int, tuple[Match, ...]]
_rank = itemgetter(0)


def align(own: Caption, reference: Caption) -> tuple[tuple[Match, ...], int]:
    """Align a hypothesis with a reference; return the matches and the number of chunks."""
    found = find_matches(own, reference)
    options: list[list[Match]] = [[] for _ in reference.words]
    for match in found:
        options[match.start].append(match)
    rank, *_, matches = _search(options, _alone(found, options))
    return matches, rank % WORD // CHUNK


def _alone(found: Sequence[Match], options: Sequence[Sequence[Match]]) -> Mapping[int, Match]:
    """Return the matches that nothing competes with: they are kept unasked."""
    once = twice = own_once = own_twice = 0
    for match in found:
        words, own = _bits(match.start, match.length), _bits(match.own_start, match.own_length)
        twice |= once & words
        once |= words
        own_twice |= own_once & own
        own_once |= own
    single = (of[0] for of in options if len(of) == 1)
    return {
        match.start: match
        for match in single
        if not _bits(match.start, match.length) & twice
        and not _bits(match.own_start, match.own_length) & own_twice
    }


def _bits(start: int, length: int) -> int:
    return ((1 << length) - 1) << start


def _search(options: Sequence[Sequence[Match]], alone: Mapping[int, Match]) -> _Path:
    """Choose among competing matches; of equals the first is kept."""
    paths: list[_Path] = [(0, NOWHERE, 0, 0, ())]
    for place, here in enumerate(options):
        following: list[_Path] = []
        for path in sorted(paths, key=_rank)[:BEAM]:
            if place < path[2]:
                following.append(path)
            elif place in alone:
                match = alone[place]
                following.append(_take(path, match, abs(match.start - match.own_start)))
            else:
                _expand(path, here, following)
        paths = following
    ends = (_skip(path, 0) for path in sorted(paths, key=_rank)[:BEAM])
    return min(ends, key=_rank)


def _expand(path: _Path, here: Sequence[Match], following: list[_Path]) -> None:
    """Go on with each match that is still free, then with none."""
    distance = 0
    for match in here:
        if not path[3] & _bits(match.own_start, match.own_length):
            following.append(_take(path, match, distance))
            distance += abs(match.start - match.own_start)
    following.append(_skip(path, distance))


def _take(path: _Path, match: Match, distance: int) -> _Path:
    rank, end, _, used, matches = path
    start, length, own_start, own_length, kind = match
    words = length + own_length if kind == EXACT else length // 2 + own_length // 2
    rank += distance - words * WORD
    if end not in (NOWHERE, own_start):
        rank += CHUNK
    used |= ((1 << own_length) - 1) << own_start
    return rank, own_start + own_length, start + length, used, (*matches, match)


def _skip(path: _Path, distance: int) -> _Path:
    """Leave a word of the reference without a match; a chunk that was open ends."""
    rank, end, reached, used, matches = path
    if end != NOWHERE:
        rank += CHUNK
    return rank + distance, NOWHERE, reached + 1, used, matches
