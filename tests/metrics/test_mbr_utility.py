"""Agreement against its formula, written out word by word."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tushuo.metrics.mbr_utility import mbr_utility

WEIGHTS = [0.0, 0.1, 0.7, 1.3, 2.9]
said = st.lists(st.integers(0, 4), max_size=7)
batches = st.lists(
    st.tuples(st.lists(said, min_size=1, max_size=4), st.lists(said, min_size=3, max_size=3)),
    min_size=1,
    max_size=3,
)


def by_hand(
    caption: Sequence[int], judges: Sequence[Sequence[int]], weights: Sequence[float]
) -> float:
    """Return one caption's mean similarity to its judges."""
    return sum(_alike(caption, judge, weights) for judge in judges) / len(judges)


def _alike(one: Sequence[int], other: Sequence[int], weights: Sequence[float]) -> float:
    alike = 0.0
    for n in range(1, 5):
        a, b = _vector(one, n, weights), _vector(other, n, weights)
        long = math.hypot(*a.values()) * math.hypot(*b.values())
        alike += sum(min(a[g], b[g]) * b[g] for g in a if g in b) / long if long else 0.0
    diverse = max(len(one) - 1, 0) - max(len(other) - 1, 0)
    return alike / 4 * math.exp(-(diverse**2) / 72)


def _vector(words: Sequence[int], n: int, weights: Sequence[float]) -> dict[tuple[int, ...], float]:
    grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    return {gram: count * sum(weights[w] for w in gram) for gram, count in grams.items()}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(batches)
def test_it_is_its_formula(batch: list[tuple[list[list[int]], list[list[int]]]]) -> None:
    """Empty captions, words without weight, and different numbers of captions too."""
    captions, judges = [of for of, _ in batch], [of for _, of in batch]
    found = mbr_utility(captions, judges, np.array(WEIGHTS))
    for own, theirs, agreed in zip(captions, judges, found, strict=True):
        expected = [by_hand(one, theirs, WEIGHTS) for one in own]
        assert agreed.tolist() == pytest.approx(expected, abs=1e-12)


def test_a_caption_agrees_wholly_with_itself() -> None:
    ((same, other),) = mbr_utility(
        [[[1, 2, 3, 4], [0, 0]]], [[[1, 2, 3, 4]] * 5], np.array(WEIGHTS)
    )
    assert (same, other) == (pytest.approx(1.0), 0.0)
