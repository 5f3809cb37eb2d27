"""A generated caption, how far it can be trusted, and the alternatives at each word."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tushuo.captioning.evidence import Concept, WordEvidence
from tushuo.encoders.spec import FieldOfView
from tushuo.text.vocabulary import END, SPECIAL

END_WORD = SPECIAL[END]
WHOLE_PICTURE = FieldOfView()
LIKELY, MOST_LIKELY = 0.5, 3  # least probability of concepts in place of a caption; their number
OUT_OF_DISTRIBUTION = 0.01  # familiarity below which a picture counts as out-of-distribution


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A generated caption with its statistics.

    Attributes:
        text: the caption.
        words: its words.
        log_probs: natural logarithm of each word's probability, followed by that of the end token
            if the caption ended; empty where the captioner provides none.
        attention: attention weights of each word over a grid of regions, each map summing to 1;
            None where the captioner provides none.
        field_of_view: the part of the picture that the attention grid covers.
        features: features of the whole picture, pooled over its regions, of length 1; two pictures
            can be compared by their dot product. None where the captioner provides none, and of
            alternatives.
        alternatives: the next best captions, or the other samples, where more than one was
            requested.
        confidence: calibrated probability that the caption fits the picture; None where the
            captioner is not calibrated for this search, and of alternatives.
        concepts: what the picture shows, as far as the captioner detects it, most probable first;
            empty where it detects nothing, and of alternatives.
        evidence: what supports each word; None where the captioner detects no concepts.
        familiarity: share of the pictures used for calibration that are at least as unusual as this
            one, or the higher of two such shares where a model has two captioners; None where the
            captioner is not calibrated for this encoder, and of alternatives.
    """

    text: str
    words: tuple[str, ...]
    log_probs: tuple[float, ...] = ()
    attention: Float[np.ndarray, "T rows columns"] | None = None
    field_of_view: FieldOfView = WHOLE_PICTURE
    features: Float[np.ndarray, " D"] | None = None
    alternatives: "tuple[Caption, ...]" = ()
    concepts: tuple[Concept, ...] = ()
    evidence: tuple[WordEvidence, ...] | None = None
    confidence: float | None = None
    familiarity: float | None = None

    @property
    def log_prob(self) -> float:
        """Log-probability of the whole caption."""
        return sum(self.log_probs)

    @property
    def out_of_distribution(self) -> str | None:
        """Why the picture counts as out-of-distribution; None where it does not."""
        if self.familiarity is None or self.familiarity >= OUT_OF_DISTRIBUTION:
            return None
        return (
            "the picture is unlike those used for calibration (only "
            f"{self.familiarity:.1%} of them are at least as unusual)"
        )

    @property
    def content_evidence(self) -> list[float] | None:
        """The log-ratio of each word that a picture can show; None without evidence.

        It is 0 for words that are no concept.
        """
        if self.evidence is None:
            return None
        return [one.log_ratio or 0.0 for one in self.evidence if one.kind != "function"]

    @property
    def likely_concepts(self) -> list[str]:
        """The most probable words, for a picture whose caption is withheld."""
        likely = [one.word for one in self.concepts if one.probability >= LIKELY]
        return likely[:MOST_LIKELY]

    def unsure_reason(self, min_confidence: float) -> str | None:
        """Return why the caption should be withheld; None if its confidence suffices or is None.

        No confidence is high enough for an out-of-distribution picture, because confidence was
        fitted on other pictures.
        """
        if self.out_of_distribution:
            return self.out_of_distribution
        if self.confidence is None or self.confidence >= min_confidence:
            return None
        place = min(range(len(self.log_probs)), key=self.log_probs.__getitem__)
        word = [*self.words, END_WORD][place]
        shown = math.floor(100 * self.confidence) / 100  # rounding up could reach the threshold
        return (
            f"confidence {shown:.2f} is below {min_confidence:.2f}; least certain word: {word!r} "
            f"(probability {math.exp(self.log_probs[place]):.3f})"
        )


@dataclass(frozen=True, kw_only=True)
class PartialCaption:
    """The leading words of a caption that is still being generated.

    Greedy decoding and sampling only append words; a beam search may replace them.
    """

    text: str
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TokenProbability:
    """A candidate for the next word, and its probability."""

    word: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A caption with the most probable words at each step.

    Attributes:
        caption: the caption.
        steps: the most probable words at each word's step, in descending order; one more step for
            the end token, which appears as ``<end>``.
        alternatives: the same for the caption's alternatives.
        search: name of the search that was used, where the captioner chose another than requested;
            None: the requested one.
    """

    caption: Caption
    steps: tuple[tuple[TokenProbability, ...], ...]
    alternatives: "tuple[Explanation, ...]" = ()
    search: str | None = None
