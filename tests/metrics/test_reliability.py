"""Stated probabilities against outcomes whose truth is known."""

import numpy as np
import pytest

from tushuo.metrics.reliability import auroc, calibration_error, reliability


@pytest.mark.parametrize(
    ("scores", "fits", "expected"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 1.0),
        ([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1], 0.0),
        ([0.5, 0.5, 0.5], [0, 1, 1], 0.5),
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),  # the example of scikit-learn's roc_auc_score
        ([0.1, 0.2], [1, 1], 0.5),
    ],
)
def test_auroc(scores: list[float], fits: list[int], expected: float) -> None:
    assert auroc(np.array(scores), np.array(fits, bool)) == pytest.approx(expected)


def test_the_error_of_a_boaster_is_his_boast() -> None:
    fits = np.arange(100) % 2 == 0
    assert calibration_error(np.full(100, 0.9), fits) == pytest.approx(0.4)
    assert calibration_error(np.full(100, 0.5), fits) == pytest.approx(0.0)


def test_true_probabilities_are_found_true_and_false_ones_false() -> None:
    draw = np.random.default_rng(0)
    stated = draw.random(2000)
    fits = draw.random(2000) < stated
    found = reliability(stated, fits)
    assert found.pictures == sum(one.pictures for one in found.bins) == 2000
    assert found.error < 2 * found.error_by_chance
    assert found.auroc_interval[0] < found.auroc < found.auroc_interval[1]
    assert found.brier == pytest.approx(1 / 6, abs=0.02)  # the mean of p (1 - p)
    assert found.risk[-1] == pytest.approx(1 - found.fitting)
    assert found.risk[9] < 0.1 < found.risk[-1]
    shares = [one.fitting for one in found.answered]
    assert shares == sorted(shares, key=lambda share: share or 0)
    sharpened = reliability(np.where(stated > 0.5, 0.99, 0.01), fits)
    assert sharpened.error > 5 * sharpened.error_by_chance


def test_nothing_is_answered_above_the_highest_confidence() -> None:
    found = reliability(np.linspace(0.1, 0.55, 50), np.arange(50) > 20)
    assert (found.answered[-1].pictures, found.answered[-1].fitting) == (0, None)
