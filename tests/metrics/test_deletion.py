"""The deletion test's statistics on falls that are known."""

import numpy as np
import pytest

from tushuo.metrics.deletion import aggregate_drops


def test_falls_are_means_over_the_chosen_words_of_all_pictures() -> None:
    first = np.array([[1.0, 3.0], [1.0, 1.0]])  # two masks, two words
    second = np.array([[2.0], [4.0]])
    looked = [np.array([0.5, 0.7]), np.array([0.3])]
    every = [np.array([True, True]), np.array([True])]
    found = aggregate_drops(0.1, "all", ["own", "random"], [first, second], looked, every)
    assert (found.count, found.attention) == (3, pytest.approx(0.5))
    own, random = found.drops
    assert (own.mask, own.drop, own.margin, own.won) == ("own", 2.0, 0.0, 0.0)
    assert (random.drop, random.margin, random.won) == (2.0, 0.0, pytest.approx(1 / 3))
    assert own.interval[0] <= own.drop <= own.interval[1]
    some = [np.array([False, True]), np.array([False])]
    found = aggregate_drops(0.1, "content", ["own", "random"], [first, second], looked, some)
    assert (found.count, found.drops[0].drop, found.drops[1].margin) == (1, 3.0, 2.0)


def test_intervals_narrow_with_more_pictures() -> None:
    draw = np.random.default_rng(0)

    def width(pictures: int) -> float:
        falls = [draw.normal(size=(2, 8)) for _ in range(pictures)]
        looked, every = [np.ones(8)] * pictures, [np.ones(8, bool)] * pictures
        low, high = (
            aggregate_drops(0.1, "all", ["own", "random"], falls, looked, every).drops[0].interval
        )
        return high - low

    assert width(400) < width(25) / 2
