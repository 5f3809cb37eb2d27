"""How captions are searched, and what a search gives back."""

from dataclasses import dataclass
from typing import Annotated, Literal

from jaxtyping import Float
from torch import Tensor

from tushuo.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """Settings of a search."""

    search: Annotated[
        Literal["greedy", "sample"], "greedy takes the likeliest word, sample draws one"
    ] = "greedy"
    temperature: Annotated[float, "of sample: below 1 safer words, above 1 bolder ones"] = 1.0
    seed: Annotated[int, "of sample: the same seed repeats the caption of a picture"] = 0
    max_words: Annotated[int, "longest caption"] = 40

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.temperature <= 0:
            raise SettingError(
                f"temperature was {self.temperature}, it must be above 0; "
                "for the likeliest words use --search greedy"
            )
        if self.max_words < 1:
            raise SettingError(f"max-words was {self.max_words}, it must be at least 1")


@dataclass(frozen=True)
class Hypothesis:
    """One caption of one picture.

    Attributes:
        words: ids, without ``<start>`` and ``<end>``.
        log_probs: of each word, and of ``<end>`` last if the caption ended by itself.
        attention: where each word looked, row by row of the grid.
    """

    words: list[int]
    log_probs: list[float]
    attention: Float[Tensor, "T R"]

    @property
    def log_prob(self) -> float:
        """Log-probability of the whole caption."""
        return sum(self.log_probs)
