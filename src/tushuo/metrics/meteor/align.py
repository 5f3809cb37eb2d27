"""METEOR's alignment: select among all matches by beam search.

Denkowski, Lavie, "Meteor Universal", WMT 2014: an alignment uses each word at most once and
covers many words, in few chunks, over short distances. What the paper leaves open follows the
official program, quirks included, to reproduce its numbers: a match that competes with others
counts half unless it is exact, rounded down; and the distance of a match is added to the
alternatives expanded after it from the same path, not to its own path.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TypeAlias

from tushuo.metrics.meteor.match import EXACT, Caption, Match, find_matches

BEAM = 40  # paths kept at each word
NO_CHUNK = -1
# One integer ranks a path: matched words, chunks and distance, each in digits of its own.
WORD, CHUNK = 1 << 60, 1 << 40

# rank; end of the last match in the hypothesis, and in the reference; bits of the used words of
# the hypothesis; the matches
_Path: TypeAlias = tuple[int, int, int, int, tuple[Match, ...]]
_rank = itemgetter(0)


def align(hypothesis: Caption, reference: Caption) -> tuple[tuple[Match, ...], int]:
    """Align a hypothesis with a reference; return the matches and the number of chunks."""
    matches = find_matches(hypothesis, reference)
    options: list[list[Match]] = [[] for _ in reference.words]
    for match in matches:
        options[match.ref_start].append(match)
    rank, *_, aligned = _search(options, _uncontested(matches, options))
    return aligned, rank % WORD // CHUNK


def _uncontested(
    matches: Sequence[Match], options: Sequence[Sequence[Match]]
) -> Mapping[int, Match]:
    """Return the matches that no other match competes with; every path takes them."""
    ref_once = ref_twice = hyp_once = hyp_twice = 0
    for match in matches:
        ref, hyp = (
            _bits(match.ref_start, match.ref_length),
            _bits(match.hyp_start, match.hyp_length),
        )
        ref_twice |= ref_once & ref
        ref_once |= ref
        hyp_twice |= hyp_once & hyp
        hyp_once |= hyp
    return {
        match.ref_start: match
        for match, *others in filter(None, options)
        if not others
        and not _bits(match.ref_start, match.ref_length) & ref_twice
        and not _bits(match.hyp_start, match.hyp_length) & hyp_twice
    }


def _bits(start: int, length: int) -> int:
    return ((1 << length) - 1) << start


def _search(options: Sequence[Sequence[Match]], uncontested: Mapping[int, Match]) -> _Path:
    """Choose among competing matches; of equally ranked paths the first is kept."""
    paths: list[_Path] = [(0, NO_CHUNK, 0, 0, ())]
    for position, matches in enumerate(options):
        expanded: list[_Path] = []
        for path in sorted(paths, key=_rank)[:BEAM]:
            if position < path[2]:
                expanded.append(path)
            elif position in uncontested:
                match = uncontested[position]
                expanded.append(_take(path, match, abs(match.ref_start - match.hyp_start)))
            else:
                _expand(path, matches, expanded)
        paths = expanded
    finished = (_skip(path, 0) for path in sorted(paths, key=_rank)[:BEAM])
    return min(finished, key=_rank)


def _expand(path: _Path, matches: Sequence[Match], expanded: list[_Path]) -> None:
    """Extend a path by each match whose words are unused, then by none."""
    distance = 0
    for match in matches:
        if not path[3] & _bits(match.hyp_start, match.hyp_length):
            expanded.append(_take(path, match, distance))
            distance += abs(match.ref_start - match.hyp_start)
    expanded.append(_skip(path, distance))


def _take(path: _Path, match: Match, distance: int) -> _Path:
    rank, hyp_end, _, used, matches = path
    ref_start, ref_length, hyp_start, hyp_length, kind = match
    words = ref_length + hyp_length if kind == EXACT else ref_length // 2 + hyp_length // 2
    rank += distance - words * WORD
    if hyp_end not in (NO_CHUNK, hyp_start):
        rank += CHUNK
    used |= _bits(hyp_start, hyp_length)
    return rank, hyp_start + hyp_length, ref_start + ref_length, used, (*matches, match)


def _skip(path: _Path, distance: int) -> _Path:
    """Leave a word of the reference unmatched, which closes an open chunk."""
    rank, hyp_end, ref_end, used, matches = path
    if hyp_end != NO_CHUNK:
        rank += CHUNK
    return rank + distance, NO_CHUNK, ref_end + 1, used, matches
