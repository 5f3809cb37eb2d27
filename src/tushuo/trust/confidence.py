"""How likely a caption fits its picture, from the decoder's own statistics.

RUN/calibration.json holds the fitted calibrations, each with the signature of the weights and the
search that it was fitted for; `evaluation.calibrate` makes it. A caption fits its picture where its
CIDEr reaches what most reference captions reach against each other (`evaluation.calibrate` states
the share).
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
FEATURES = (
    "mean_log_prob", "min_log_prob", "length", "attention_entropy",
    "mean_evidence", "words_without_evidence",
)  # fmt: skip
MAX_EVIDENCE = 6.0  # nats of one word


def features(
    log_probs: Sequence[float],
    attention: Float[np.ndarray, "T rows columns"] | None,
    evidence: Sequence[float] | None = None,
) -> Float[np.ndarray, " F"]:
    """Return the statistics that confidence is computed from, in the order of ``FEATURES``.

    Log-probabilities and length include the end token; the entropy is the mean over the words'
    attention maps, in nats, and 0 where there are none.

    Args:
        log_probs: of each word.
        attention: attention map of each word.
        evidence: log-ratio of each word that a picture can show, 0 where there is none; None: the
            captioner finds no concepts, and the last two statistics are left out.
    """
    entropy = 0.0
    if attention is not None and len(attention):
        entropy = float(-(attention * np.log(attention.clip(1e-12))).sum(axis=(1, 2)).mean())
    values = [float(np.mean(log_probs)), min(log_probs), float(len(log_probs)), entropy]
    if evidence is not None:
        clipped = np.clip(evidence or [0.0], -MAX_EVIDENCE, MAX_EVIDENCE)
        values += [float(clipped.mean()), float(sum(one <= 0 for one in evidence))]
    return np.array(values)


@final
@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A logistic regression from caption statistics to the probability that a caption fits.

    Attributes:
        signature: run, weights and search that it was fitted for.
        tokenizer: tokenizer of the CIDEr that it was fitted with.
        level: CIDEr from which a caption fits.
        centres, scales: mean and standard deviation of each feature where it was fitted.
        weights: coefficient of each standardised feature.
        bias: log-odds of a caption whose features are all at their centres.
        ridge: strength of the L2 penalty, chosen by cross-validation.
        pictures: number of pictures that it was fitted on.
        alone: AUROC of each feature alone, on the held-out pictures.
        held_out: its reliability on pictures that it was not fitted on.
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
        self,
        log_probs: Sequence[float],
        attention: Float[np.ndarray, "T rows columns"] | None,
        evidence: Sequence[float] | None = None,
    ) -> float:
        """Return the probability that a caption fits its picture; see `features`."""
        values = features(log_probs, attention, evidence)[: len(self.weights)]
        standardised = (values - self.centres) / np.array(self.scales)
        log_odds = float(standardised @ np.array(self.weights)) + self.bias
        return 1 / (1 + math.exp(-max(min(log_odds, 50.0), -50.0)))


@dataclass(frozen=True, kw_only=True)
class _File:
    calibrations: list[Calibration]
    format: int = FORMAT


def read_calibrations(folder: Path) -> list[Calibration]:
    """Read a run's calibrations; none where it was never calibrated.

    Raises:
        RunError: the file cannot be read.
    """
    path = folder / FILE
    try:
        content = msgspec.json.decode(path.read_bytes(), type=_File)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except msgspec.DecodeError as error:
        raise RunError(f"{path} cannot be read: {error}; calibrate again") from error
    if content.format != FORMAT:
        raise RunError(f"{path} has format {content.format}, this version reads {FORMAT}")
    return content.calibrations


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Save a calibration beside those of other searches, replacing one of the same signature."""
    others = [c for c in read_calibrations(folder) if c.signature != calibration.signature]
    content = _File(calibrations=[*others, calibration])
    write_bytes(folder / FILE, msgspec.json.format(msgspec.json.encode(content)))
