"""What supports a caption: the concepts that were found in its picture, and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.concepts.caption_words import CaptionWords, is_function_word
from tushuo.concepts.model import ConceptSettings
from tushuo.search.evidence_ranking import Support
from tushuo.text.vocabulary import Vocabulary

Kind = Literal["seen", "text", "function"]
MOST_SUPPORT = 6.0  # nats that one concept adds to a caption


@dataclass(frozen=True, kw_only=True)
class Concept:
    """A word, and how probable it is that the picture shows it.

    Attributes:
        word: a caption word.
        probability: that a word like it occurs in one of five captions that people write.
        box: left, top, right and bottom of the region with most of the evidence, as shares of the
            part of the picture that the encoder reads; None where a tagger knows no place.
    """

    word: str
    probability: float
    box: tuple[float, float, float, float] | None = None

    def rounded(self) -> dict[str, object]:
        """Return the fields for JSON, in four digits."""
        box = self.box and [round(share, 4) for share in self.box]
        return {"word": self.word, "probability": round(self.probability, 4), "box": box}


@dataclass(frozen=True, kw_only=True)
class WordEvidence:
    """What supports a word of a caption.

    Attributes:
        kind: ``seen``: the picture makes the word more probable than it usually is; ``text``: it
            does not, or the word is no concept, so it comes from what captions usually say;
            ``function``: a word that no picture shows, such as "of".
        log_ratio: evidence in nats for the word (above 0) or against it; None where it is no
            concept.
        concept: the concept that the word names; None where it is none.
    """

    kind: Kind
    log_ratio: float | None = None
    concept: Concept | None = None

    def rounded(self, word: str) -> dict[str, object]:
        """Return the fields for JSON, in four digits, for the word as the caption has it."""
        fields: dict[str, object] = {"word": word, "kind": self.kind}
        if self.concept and self.log_ratio is not None:
            own = self.concept.rounded()
            fields |= {"concept": own.pop("word"), **own, "log_ratio": round(self.log_ratio, 4)}
        return fields


@dataclass(frozen=True)
class PictureEvidence:
    """Evidence for every concept in one picture; see `concepts.detector.Evidence`."""

    log_ratios: Float[np.ndarray, " C"]
    cells: Int[np.ndarray, " C"]


@final
class ConceptReader:
    """Reads what the evidence of a picture says about concepts and about the words of captions.

    Args:
        settings: the concept model's words, prior and encoder.
    """

    def __init__(self, settings: ConceptSettings):
        self.words, self._spec = settings.words, settings.encoder
        self._language = settings.language
        self._prior = np.array(settings.prior, np.float32)
        self._index = {word: number for number, word in enumerate(settings.words)}
        self._lemma = CaptionWords.of_words(settings.words, settings.language).lemma

    def concepts(self, evidence: PictureEvidence, most: int) -> tuple[Concept, ...]:
        """Return a picture's most probable concepts, best first."""
        best = np.argsort(-(evidence.log_ratios + self._prior), kind="stable")[:most]
        return tuple(self._concept(evidence, int(number)) for number in best)

    def word_evidence(
        self, words: Sequence[str], evidence: PictureEvidence
    ) -> tuple[WordEvidence, ...]:
        """Return what supports each word of a caption."""
        return tuple(self._of_word(word, evidence) for word in words)

    def numbers(self, vocabulary: Vocabulary) -> list[int | None]:
        """Return the number of the concept that each word of a vocabulary names."""
        return [self._index.get(self._lemma(word)) for word in vocabulary.words]

    def support(
        self, evidence: Sequence[PictureEvidence], numbers: Sequence[int | None]
    ) -> Support:
        """Return a function that sums the evidence for the concepts that a caption names.

        Only evidence in favour counts: captions rightly mention what detectors cannot find.

        Args:
            evidence: that of each picture of a batch.
            numbers: those that `numbers` returns for the vocabulary of the captions.
        """

        def support(picture: int, words: list[int]) -> float:
            named = {number for word in words if (number := numbers[word]) is not None}
            ratios = evidence[picture].log_ratios[sorted(named)]
            return float(ratios.clip(0, MOST_SUPPORT).sum())

        return support

    def from_regions(self, regions: Float[Tensor, "K three"]) -> PictureEvidence:
        """Return the evidence in the regions of a `ConceptEncoder`, which hold the best only.

        Other concepts are at most as probable as the last of these; at most, nothing is known.
        """
        numbers, log_odds = regions[1:, 0].long().cpu().numpy(), regions[1:, 1].cpu().numpy()
        log_ratios = np.minimum(0, log_odds.min() - self._prior)
        log_ratios[numbers] = log_odds - self._prior[numbers]
        cells = np.zeros(len(self.words), np.int64)
        cells[numbers] = regions[1:, 2].long().cpu().numpy()
        return PictureEvidence(log_ratios, cells)

    def _of_word(self, word: str, evidence: PictureEvidence) -> WordEvidence:
        number = self._index.get(self._lemma(word))
        if number is None:
            function = is_function_word(word, self._language)
            return WordEvidence(kind="function" if function else "text")
        log_ratio = float(evidence.log_ratios[number])
        return WordEvidence(
            kind="seen" if log_ratio > 0 else "text",
            log_ratio=log_ratio,
            concept=self._concept(evidence, number),
        )

    def _concept(self, evidence: PictureEvidence, number: int) -> Concept:
        log_odds = float(evidence.log_ratios[number] + self._prior[number])
        return Concept(
            word=self.words[number],
            probability=1 / (1 + float(np.exp(-log_odds))),
            box=self._box(int(evidence.cells[number])),
        )

    def _box(self, cell: int) -> tuple[float, float, float, float]:
        rows, columns = self._spec.rows, self._spec.columns
        row, column = divmod(cell, columns)
        return column / columns, row / rows, (column + 1) / columns, (row + 1) / rows
