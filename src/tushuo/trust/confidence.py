"""How likely a caption fits its picture, by what its captioner felt while it spoke.

RUN/calibration.json holds what was fitted, by the weights and the search that it was fitted for;
`calibrate` makes it. A caption fits where its CIDEr is at least what most people's captions reach
against each other (`calibrate` says how many).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import msgspec
import numpy as np
from jaxtyping import Float

from tushuo.errors import RunError
from tushuo.metrics.reliability import Reliability
from tushuo.runtime import write_bytes

FORMAT = 1
FILE = "calibration.json"
FEATURES = ("mean", "least", "words", "spread")


def features(
    log_probs: Sequence[float], attention: Float[np.ndarray, "T rows columns"]
) -> Float[np.ndarray, " F"]:
    """Return what confidence is told from, in the order of ``FEATURES``.

    ``mean`` and ``least`` are of the words' log-probabilities, the end's included; ``words`` is how
    many they are; ``spread`` is the mean entropy of the words' maps, in nats.
    """
    entropy = -(attention * np.log(attention.clip(1e-12))).sum(axis=(1, 2))
    spread = float(entropy.mean()) if len(attention) else 0.0
    return np.array([np.mean(log_probs), min(log_probs), float(len(log_probs)), spread])


@final
@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A logistic regression from features to the probability that a caption fits.

    Attributes:
        signature: run, weights and search that it was fitted for.
        tokenizer: whose words CIDEr compared.
        level: the CIDEr from which a caption fits.
        centres, scales: mean and deviation of each feature where it was fitted.
        weights: of each feature, in deviations; bias: the log-odds where all are at their centres.
        ridge: what held the weights down, chosen by cross-validation.
        pictures: how many it was fitted on.
        alone: AUROC of each feature by itself, on the pictures held out.
        held_out: how far it can be trusted, on pictures that it was not fitted on.
    """

    signature: str
    tokenizer: str
    level: float
    centres: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    ridge: float
    pictures: int
    alone: dict[str, float]
    held_out: Reliability

    def confidence(
        self, log_probs: Sequence[float], attention: Float[np.ndarray, "T rows columns"]
    ) -> float:
        """Return the probability that a caption fits its picture."""
        standing = (features(log_probs, attention) - self.centres) / np.array(self.scales)
        odds = float(standing @ np.array(self.weights)) + self.bias
        return 1 / (1 + math.exp(-max(min(odds, 50.0), -50.0)))


@dataclass(frozen=True, kw_only=True)
class _File:
    calibrations: list[Calibration]
    format: int = FORMAT


def read(folder: Path) -> list[Calibration]:
    """Read a run's calibrations; none where it was never calibrated.

    Raises:
        RunError: they are there but cannot be read.
    """
    path = folder / FILE
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_File)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except msgspec.DecodeError as error:
        raise RunError(f"{path} cannot be read: {error}; calibrate again") from error
    if found.format != FORMAT:
        raise RunError(f"{path} is of format {found.format}, this tushuo reads {FORMAT}")
    return found.calibrations


def keep(folder: Path, calibration: Calibration) -> None:
    """Write a calibration beside those for other searches; one of the same signature goes."""
    others = [one for one in read(folder) if one.signature != calibration.signature]
    whole = _File(calibrations=[*others, calibration])
    write_bytes(folder / FILE, msgspec.json.format(msgspec.json.encode(whole)))
