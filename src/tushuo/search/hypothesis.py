"""What a search gives back."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Hypothesis:
    """One caption of one picture.

    Attributes:
        words: ids, without ``<start>`` and ``<end>``.
        log_probs: of each word, and of ``<end>`` last, as the decoder has them: before temperature,
            and over all words, the forbidden ones too.
        attention: where each word looked, row by row of the grid.
    """

    words: list[int]
    log_probs: list[float]
    attention: Float[Tensor, "T R"]

    @property
    def log_prob(self) -> float:
        """Log-probability of the whole caption."""
        return sum(self.log_probs)
