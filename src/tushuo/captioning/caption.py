"""What a captioner says of a picture, and what else it had in mind."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tushuo.text.vocabulary import END, SPECIAL

END_WORD = SPECIAL[END]
OUT_OF_DISTRIBUTION = 0.01  # familiarity below which a picture is called strange


@dataclass(frozen=True, kw_only=True)
class Caption:
    """What a captioner says of a picture, and why.

    Attributes:
        text: the caption.
        words: its words.
        log_probs: natural logarithm of each word's probability; one more for the end, if it ended.
        attention: where each word looked, on the encoder's grid; each map sums to 1.
        alternatives: the next best captions, or the other samples, where n-best asks for them.
        confidence: probability that it fits the picture; None where the run was not calibrated for
            this search, and of alternatives.
        familiarity: of the pictures that the run was calibrated on, the share that look at least as
            strange; None where it was not calibrated for this encoder, and of alternatives.
    """

    text: str
    words: tuple[str, ...]
    log_probs: tuple[float, ...]
    attention: Float[np.ndarray, "T rows columns"]
    alternatives: "tuple[Caption, ...]" = ()
    confidence: float | None = None
    familiarity: float | None = None

    @property
    def log_prob(self) -> float:
        """Log-probability of the whole caption."""
        return sum(self.log_probs)

    @property
    def out_of_distribution(self) -> str | None:
        """Say that the picture is unlike those that the run knows; None where it is not."""
        if self.familiarity is None or self.familiarity >= OUT_OF_DISTRIBUTION:
            return None
        return f"unlike the pictures it knows, of which {self.familiarity:.1%} look so strange"

    def unsure_reason(self, at_least: float) -> str | None:
        """Say why it would better be kept back; None where its confidence is enough.

        Of a strange picture no confidence is enough: it was fitted on others.
        """
        if self.out_of_distribution:
            return self.out_of_distribution
        if self.confidence is None or self.confidence >= at_least:
            return None
        place = min(range(len(self.log_probs)), key=self.log_probs.__getitem__)
        word = [*self.words, END_WORD][place]
        shown = math.floor(100 * self.confidence) / 100  # rounded up it might not be below
        return (
            f"confidence {shown:.2f} is below {at_least:.2f}; least sure of {word!r}, "
            f"probability {math.exp(self.log_probs[place]):.3f}"
        )


@dataclass(frozen=True, kw_only=True)
class TokenProbability:
    """A word that a captioner had in mind, and its probability."""

    word: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A caption, and what else its captioner had in mind at each word.

    Attributes:
        caption: the caption.
        steps: the likeliest words at the place of each word, the likeliest first; one more step
            for the end, which stands as ``<end>`` among them.
        alternatives: the same of the caption's alternatives.
    """

    caption: Caption
    steps: tuple[tuple[TokenProbability, ...], ...]
    alternatives: "tuple[Explanation, ...]" = ()
