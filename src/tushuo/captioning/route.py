"""Which of two captioners a picture goes to: the one trained on its kind, or the general one.

A picture counts as familiar by two measures. One is its familiarity to the first captioner
(`trust.familiarity`). The other is its content: how much more probable the evidence for all
concepts is with the shares that words have in the captions of the first captioner's pictures than
with those of the general text. A logistic regression weights both; scripts/fit_route.py fits it.
"""

import math
from pathlib import Path
from typing import final

import msgspec
import numpy as np
from jaxtyping import Float

from tushuo.concepts.model import ConceptModel
from tushuo.errors import RunError
from tushuo.runtime import sha256, write_bytes

FILE = "route.json"
FORMAT = 1
MAX_LOG_RATIO = 12.0  # nats


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Content of ``general/route.json``.

    Attributes:
        familiarity: weight of the logarithm of the familiarity.
        content: weight of the content's log-likelihood ratio.
        bias: a picture goes to the general captioner where the weighted sum plus it is below 0.
        pictures: number of training pictures that the concept model's counts are of.
        calibration: digest of the familiarity that it was fitted with.
    """

    format: int = FORMAT
    familiarity: float
    content: float
    bias: float
    pictures: int
    calibration: str

    @classmethod
    def load(cls, folder: Path) -> "Route":
        """Read the route of a general run.

        Raises:
            RunError: it is missing or damaged, or has another format.
        """
        path = folder / FILE
        try:
            route = msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise RunError(
                f"{path} cannot be read: {error}; make it with: python scripts/fit_route.py"
            ) from error
        if route.format != FORMAT:
            raise RunError(f"{path} has format {route.format}, this version reads {FORMAT}")
        return route

    def save(self, folder: Path) -> None:
        """Write the route into the folder of the general run."""
        write_bytes(folder / FILE, msgspec.json.format(msgspec.json.encode(self)))

    @property
    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of its content."""
        return sha256(msgspec.json.encode(self))[:16]

    def score(self, familiarity: float, content: float) -> float:
        """Return how familiar a picture is; below 0 it goes to the general captioner."""
        return self.familiarity * math.log(familiarity) + self.content * content + self.bias


@final
class ContentRatio:
    """The log-likelihood ratio of a picture's content; see above.

    Args:
        model: the concept model.
        pictures: number of training pictures that its counts are of.
    """

    def __init__(self, model: ConceptModel, pictures: int):
        counts = model.detector.counts.double().cpu().numpy()
        self._familiar = (counts + 0.5) / (pictures + 1)
        self._general = 1 / (1 + np.exp(-np.array(model.settings.prior)))

    def __call__(self, log_ratios: Float[np.ndarray, " C"]) -> float:
        """Return the ratio, in nats, for the evidence of a picture."""
        ratios = np.exp(log_ratios.clip(-MAX_LOG_RATIO, MAX_LOG_RATIO).astype(np.float64))
        familiar, general = (np.log1p(p * (ratios - 1)) for p in (self._familiar, self._general))
        return float((familiar - general).sum())
