"""Reliability of stated probabilities: calibration, discrimination, risk and coverage.

Expected calibration error over bins of equal count: Naeini et al., "Obtaining Well Calibrated
Probabilities Using Bayesian Binning", AAAI 2015. Risk and coverage: El-Yaniv, Wiener,
"On the Foundations of Noise-free Selective Classification", JMLR 2010.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

BINS = 10
DRAWS = 500  # bootstrap samples
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Captions of similar confidence: their number, mean confidence and share that fits."""

    pictures: int
    confidence: float
    fitting: float


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Captions of at least a confidence: their number and share that fits (None for none)."""

    at_least: float
    pictures: int
    fitting: float | None


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Reliability of stated probabilities; intervals are 95 %, by bootstrap over pictures.

    Attributes:
        pictures: number of pictures.
        fitting: share of all captions that fit.
        auroc: probability that a caption that fits has a higher confidence than one that does not.
        error: expected calibration error: mean distance, over bins of equal count, between the
            stated probability and the share that fits.
        error_by_chance: the error that perfectly calibrated probabilities would have on as few
            pictures.
        brier: mean squared distance between probability and outcome.
        bins: from the lowest to the highest confidence.
        answered: captions that remain at each confidence threshold.
        risk: share of captions that do not fit among the most confident 1 %, 2 %, ... 100 % of
            the pictures.
    """

    pictures: int
    fitting: float
    auroc: float
    auroc_interval: Interval
    error: float
    error_interval: Interval
    error_by_chance: float
    brier: float
    bins: tuple[Bin, ...]
    answered: tuple[Answered, ...]
    risk: tuple[float, ...]


def reliability(confidence: Float[np.ndarray, " P"], fits: Bool[np.ndarray, " P"]) -> Reliability:
    """Compare stated probabilities with outcomes."""
    draw = np.random.default_rng(0)
    by_chance = [
        calibration_error(confidence, draw.random(len(fits)) < confidence) for _ in range(DRAWS)
    ]
    ranked = fits[np.argsort(-confidence, kind="stable")]
    coverage = np.ceil(len(fits) * np.arange(1, 101) / 100).astype(int)
    return Reliability(
        pictures=len(fits),
        fitting=float(fits.mean()),
        auroc=auroc(confidence, fits),
        auroc_interval=_interval(auroc, confidence, fits),
        error=calibration_error(confidence, fits),
        error_interval=_interval(calibration_error, confidence, fits),
        error_by_chance=float(np.mean(by_chance)),
        brier=float(np.mean((confidence - fits) ** 2)),
        bins=_bins(confidence, fits),
        answered=tuple(_answered(confidence, fits, threshold) for threshold in THRESHOLDS),
        risk=tuple((1 - np.cumsum(ranked)[coverage - 1] / coverage).tolist()),
    )


def auroc(scores: Float[np.ndarray, " P"], fits: Bool[np.ndarray, " P"]) -> float:
    """Return the share of pairs, one that fits and one that does not, in the right order.

    Equal scores count one half; without both kinds the result is one half.
    """
    _, value, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[value]
    positives = int(fits.sum())
    pairs = positives * (len(fits) - positives)
    if not pairs:
        return 0.5
    return float((ranks[fits].sum() - positives * (positives + 1) / 2) / pairs)


def calibration_error(confidence: Float[np.ndarray, " P"], fits: Bool[np.ndarray, " P"]) -> float:
    """Return the mean distance between confidence and outcome over bins of equal count."""
    bins = _bins(confidence, fits)
    return sum(b.pictures * abs(b.confidence - b.fitting) for b in bins) / len(fits)


def _bins(confidence: Float[np.ndarray, " P"], fits: Bool[np.ndarray, " P"]) -> tuple[Bin, ...]:
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(BINS, len(fits)))
    return tuple(
        Bin(
            pictures=len(part),
            confidence=float(confidence[part].mean()),
            fitting=float(fits[part].mean()),
        )
        for part in parts
    )


def _answered(
    confidence: Float[np.ndarray, " P"], fits: Bool[np.ndarray, " P"], threshold: float
) -> Answered:
    remaining = fits[confidence >= threshold]
    fitting = float(remaining.mean()) if len(remaining) else None
    return Answered(at_least=threshold, pictures=len(remaining), fitting=fitting)


def _interval(
    measure: Callable[[Float[np.ndarray, " P"], Bool[np.ndarray, " P"]], float],
    confidence: Float[np.ndarray, " P"],
    fits: Bool[np.ndarray, " P"],
) -> Interval:
    draw = np.random.default_rng(0)
    resamples = (draw.integers(len(fits), size=len(fits)) for _ in range(DRAWS))
    values = [measure(confidence[sample], fits[sample]) for sample in resamples]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
