"""The result of a search."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Hypothesis:
    """One caption of one picture.

    Attributes:
        words: token ids, without ``<start>`` and ``<end>``.
        log_probs: log-probability of each word, followed by that of ``<end>``, under the decoder's
            own distribution: before temperature, and over the whole vocabulary.
        attention: attention weights of each word, over the grid row by row.
    """

    words: list[int]
    log_probs: list[float]
    attention: Float[Tensor, "T R"]

    @property
    def log_prob(self) -> float:
        """Log-probability of the whole caption."""
        return sum(self.log_probs)
