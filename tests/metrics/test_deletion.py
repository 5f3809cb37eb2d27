"""Statistics of the deletion test on known drops."""

import numpy as np
import pytest

from tushuo.metrics.deletion import aggregate_drops


def test_drops_are_means_over_the_selected_words_of_all_pictures() -> None:
    first = np.array([[1.0, 3.0], [1.0, 1.0]])  # two masks, two words
    second = np.array([[2.0], [4.0]])
    attention = [np.array([0.5, 0.7]), np.array([0.3])]
    selected = [np.array([True, True]), np.array([True])]
    masks, drops = ["own", "random"], [first, second]
    result = aggregate_drops(0.1, "all", masks, drops, attention, selected)
    assert (result.count, result.attention) == (3, pytest.approx(0.5))
    own, random = result.drops
    assert (own.mask, own.drop, own.margin, own.won) == ("own", 2.0, 0.0, 0.0)
    assert (random.drop, random.margin, random.won) == (2.0, 0.0, pytest.approx(1 / 3))
    assert own.interval[0] <= own.drop <= own.interval[1]
    selected = [np.array([False, True]), np.array([False])]
    result = aggregate_drops(0.1, "content", masks, drops, attention, selected)
    assert (result.count, result.drops[0].drop, result.drops[1].margin) == (1, 3.0, 2.0)


def test_intervals_narrow_with_more_pictures() -> None:
    draw = np.random.default_rng(0)

    def width(pictures: int) -> float:
        drops = [draw.normal(size=(2, 8)) for _ in range(pictures)]
        attention, selected = [np.ones(8)] * pictures, [np.ones(8, bool)] * pictures
        result = aggregate_drops(0.1, "all", ["own", "random"], drops, attention, selected)
        low, high = result.drops[0].interval
        return high - low

    assert width(400) < width(25) / 2
