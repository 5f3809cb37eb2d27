"""Comparisons of two sets of captions separate chance from real differences."""

import random

import pytest

from tushuo.errors import DataError
from tushuo.metrics.compare import compare
from tushuo.metrics.score import score

WORDS = [
    "a",
    "the",
    "dog",
    "cat",
    "boat",
    "runs",
    "lies",
    "red",
    "blue",
    "on",
    "in",
    "grass",
    "water",
    "big",
    "small",
]


def captions(seed: int, keep: float) -> tuple[dict[str, str], dict[str, list[str]]]:
    """References, and hypotheses that keep a share of the first reference's words."""
    draw = random.Random(seed)
    references, hypotheses = {}, {}
    for number in range(150):
        words = random.Random(1000 + number).choices(WORDS, k=9)
        references[str(number)] = [" ".join(words)]
        kept = [word if draw.random() < keep else draw.choice(WORDS) for word in words]
        hypotheses[str(number)] = " ".join(kept)
    return hypotheses, references


def test_a_set_does_not_differ_from_itself() -> None:
    hypotheses, references = captions(1, 0.7)
    for result in compare(hypotheses, hypotheses, references, samples=200).values():
        assert (result.first, result.interval, result.p) == (result.second, (0, 0), 1)
        assert result.wins == result.losses == 0


def test_equally_good_sets_differ_by_chance_and_better_ones_significantly() -> None:
    first, references = captions(1, 0.7)
    equal, _ = captions(2, 0.7)
    worse, _ = captions(3, 0.4)
    by_chance = compare(first, equal, references)
    real = compare(first, worse, references)
    for name, scored in score(first, references).scores.items():
        assert real[name].first == pytest.approx(scored)
        assert real[name].p < 0.01
        assert real[name].interval[0] > 0
        assert real[name].wins > real[name].losses
        assert by_chance[name].p > 0.05
        low, high = by_chance[name].interval
        assert low < 0 < high
    assert compare(first, worse, references) == real  # reproducible by its seed


def test_swapping_the_sets_negates_the_result() -> None:
    first, references = captions(1, 0.7)
    second, _ = captions(3, 0.5)
    forward, swapped = compare(first, second, references), compare(second, first, references)
    for name in forward:
        assert forward[name].wins == swapped[name].losses
        negated = [-end for end in swapped[name].interval[::-1]]
        assert forward[name].interval == pytest.approx(negated)


def test_different_pictures_are_refused() -> None:
    hypotheses, references = captions(1, 0.7)
    with pytest.raises(DataError, match="no hypothesis for 1 picture"):
        compare(hypotheses, {k: v for k, v in hypotheses.items() if k != "3"}, references)
