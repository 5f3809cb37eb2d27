"""MBR utility equals a direct implementation of its formula."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tushuo.metrics.mbr_utility import mbr_utility

WEIGHTS = [0.0, 0.1, 0.7, 1.3, 2.9]
caption_ids = st.lists(st.integers(0, 4), max_size=7)
batches = st.lists(
    st.tuples(
        st.lists(caption_ids, min_size=1, max_size=4), st.lists(caption_ids, min_size=3, max_size=3)
    ),
    min_size=1,
    max_size=3,
)


def expected_utility(
    caption: Sequence[int], samples: Sequence[Sequence[int]], weights: Sequence[float]
) -> float:
    """Return the mean similarity of one caption to its samples."""
    return sum(_similarity(caption, sample, weights) for sample in samples) / len(samples)


def _similarity(caption: Sequence[int], sample: Sequence[int], weights: Sequence[float]) -> float:
    cosines = 0.0
    for n in range(1, 5):
        a, b = _vector(caption, n, weights), _vector(sample, n, weights)
        norm = math.hypot(*a.values()) * math.hypot(*b.values())
        cosines += sum(min(a[g], b[g]) * b[g] for g in a if g in b) / norm if norm else 0.0
    delta = max(len(caption) - 1, 0) - max(len(sample) - 1, 0)
    return cosines / 4 * math.exp(-(delta**2) / 72)


def _vector(words: Sequence[int], n: int, weights: Sequence[float]) -> dict[tuple[int, ...], float]:
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    return {ngram: count * sum(weights[w] for w in ngram) for ngram, count in counts.items()}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(batches)
def test_utility_equals_the_formula(batch: list[tuple[list[list[int]], list[list[int]]]]) -> None:
    """Includes empty captions, words of weight 0, and different numbers of captions."""
    captions, samples = [pair[0] for pair in batch], [pair[1] for pair in batch]
    utilities = mbr_utility(captions, samples, np.array(WEIGHTS))
    for (candidates, drawn), utility in zip(batch, utilities, strict=True):
        expected = [expected_utility(caption, drawn, WEIGHTS) for caption in candidates]
        assert utility.tolist() == pytest.approx(expected, abs=1e-12)


def test_utility_is_one_for_samples_equal_to_the_caption() -> None:
    ((same, other),) = mbr_utility(
        [[[1, 2, 3, 4], [0, 0]]], [[[1, 2, 3, 4]] * 5], np.array(WEIGHTS)
    )
    assert (same, other) == (pytest.approx(1.0), 0.0)
