"""How far a stated probability can be trusted: calibration, discrimination, risk and coverage.

Calibration in bins of equal count and its error: Naeini et al., "Obtaining Well Calibrated
Probabilities Using Bayesian Binning", AAAI 2015. Risk and coverage: El-Yaniv, Wiener,
"On the Foundations of Noise-free Selective Classification", JMLR 2010.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

BINS = 10
DRAWS = 500
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Captions of about the same confidence."""

    pictures: int
    confidence: float
    fitting: float


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What is said where captions below a confidence are kept back; None: nothing is said."""

    at_least: float
    pictures: int
    fitting: float | None


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """What became of stated probabilities; intervals are of 95 %, by bootstrap over the pictures.

    Attributes:
        pictures: how many there were.
        fitting: share of all captions that fit.
        auroc: probability that a caption that fits is given more confidence than one that does not.
        error: expected calibration error: mean distance, over bins of equal count, between the
            stated probability and the share that fit.
        error_by_chance: the error that probabilities without any fault would show on as few
            pictures.
        brier: mean square of the distance between probability and outcome.
        bins: from the least to the most confident.
        answered: by thresholds of confidence.
        risk: share of captions that do not fit among the most confident ones; at 1 % of the
            pictures, 2 %, up to all.
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
    """Compare stated probabilities with what came out."""
    draw = np.random.default_rng(0)
    right = fits[np.argsort(-confidence, kind="stable")]
    places = np.ceil(len(fits) * np.arange(1, 101) / 100).astype(int)
    return Reliability(
        pictures=len(fits),
        fitting=float(fits.mean()),
        auroc=auroc(confidence, fits),
        auroc_interval=_interval(auroc, confidence, fits),
        error=calibration_error(confidence, fits),
        error_interval=_interval(calibration_error, confidence, fits),
        error_by_chance=float(
            np.mean(
                [
                    calibration_error(confidence, draw.random(len(fits)) < confidence)
                    for _ in range(DRAWS)
                ]
            )
        ),
        brier=float(np.mean((confidence - fits) ** 2)),
        bins=_bins(confidence, fits),
        answered=tuple(_answered(confidence, fits, least) for least in THRESHOLDS),
        risk=tuple((1 - np.cumsum(right)[places - 1] / places).tolist()),
    )


def auroc(scores: Float[np.ndarray, " P"], fits: Bool[np.ndarray, " P"]) -> float:
    """Return the share of pairs, one that fits and one that does not, in the right order.

    Equal scores count half; without both kinds it is one half.
    """
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    right = int(fits.sum())
    pairs = right * (len(fits) - right)
    return float((ranks[fits].sum() - right * (right + 1) / 2) / pairs) if pairs else 0.5


def calibration_error(confidence: Float[np.ndarray, " P"], fits: Bool[np.ndarray, " P"]) -> float:
    """Return the mean distance between confidence and outcome over bins of equal count."""
    bins = _bins(confidence, fits)
    return sum(one.pictures * abs(one.confidence - one.fitting) for one in bins) / len(fits)


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
    confidence: Float[np.ndarray, " P"], fits: Bool[np.ndarray, " P"], least: float
) -> Answered:
    said = fits[confidence >= least]
    return Answered(
        at_least=least, pictures=len(said), fitting=float(said.mean()) if len(said) else None
    )


def _interval(
    measure: Callable[[Float[np.ndarray, " P"], Bool[np.ndarray, " P"]], float],
    confidence: Float[np.ndarray, " P"],
    fits: Bool[np.ndarray, " P"],
) -> Interval:
    draw = np.random.default_rng(0)
    drawn = (draw.integers(len(fits), size=len(fits)) for _ in range(DRAWS))
    low, high = np.percentile([measure(confidence[who], fits[who]) for who in drawn], [2.5, 97.5])
    return float(low), float(high)
