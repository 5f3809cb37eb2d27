"""Reliability of stated probabilities on outcomes drawn from known probabilities."""

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


def test_error_of_a_constant_confidence_is_its_distance_to_the_share_that_fits() -> None:
    fits = np.arange(100) % 2 == 0
    assert calibration_error(np.full(100, 0.9), fits) == pytest.approx(0.4)
    assert calibration_error(np.full(100, 0.5), fits) == pytest.approx(0.0)


def test_calibrated_probabilities_have_a_chance_error_and_sharpened_ones_a_larger_one() -> None:
    draw = np.random.default_rng(0)
    stated = draw.random(2000)
    fits = draw.random(2000) < stated
    result = reliability(stated, fits)
    assert result.pictures == sum(b.pictures for b in result.bins) == 2000
    assert result.error < 2 * result.error_by_chance
    assert result.auroc_interval[0] < result.auroc < result.auroc_interval[1]
    assert result.brier == pytest.approx(1 / 6, abs=0.02)  # the mean of p (1 - p)
    assert result.risk[-1] == pytest.approx(1 - result.fitting)
    assert result.risk[9] < 0.1 < result.risk[-1]
    shares = [remaining.fitting for remaining in result.answered]
    assert shares == sorted(shares, key=lambda share: share or 0)
    sharpened = reliability(np.where(stated > 0.5, 0.99, 0.01), fits)
    assert sharpened.error > 5 * sharpened.error_by_chance


def test_no_caption_remains_above_the_highest_confidence() -> None:
    result = reliability(np.linspace(0.1, 0.55, 50), np.arange(50) > 20)
    assert (result.answered[-1].pictures, result.answered[-1].fitting) == (0, None)
