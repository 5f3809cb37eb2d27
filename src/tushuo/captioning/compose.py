"""From hypotheses to captions: words, attention maps, evidence, confidence and familiarity."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float
from torch import Tensor

from tushuo.captioning.caption import Caption
from tushuo.captioning.evidence import ConceptReader
from tushuo.captioning.picture_regions import PictureRegions
from tushuo.concepts.encoder import attention_on_grid, is_concepts
from tushuo.encoders.spec import EncoderSpec
from tushuo.runs.run import Run
from tushuo.search.evidence_ranking import Support
from tushuo.search.hypothesis import Hypothesis
from tushuo.text.tokenization import detokenize
from tushuo.trust.confidence import Calibration
from tushuo.trust.familiarity import Familiarity, pooled_features

MOST_CONCEPTS = 10  # of a caption


@final
class Composer:
    """Makes the captions of one run.

    Args:
        run: the run.
        spec: the encoder's spec.
        reader: reads the evidence of pictures; None: there is none.
        familiarity: fitted on the encoder's features; None: it was not calibrated.
    """

    def __init__(
        self,
        run: Run,
        spec: EncoderSpec,
        reader: ConceptReader | None,
        familiarity: Familiarity | None,
    ):
        self._run, self._spec, self._reader, self._familiarity = run, spec, reader, familiarity

    def with_evidence(self, pictures: Sequence[PictureRegions]) -> list[PictureRegions]:
        """Add the evidence that regions of a run on concepts hold, where it is missing."""
        if not is_concepts(self._spec):
            return [*pictures]
        assert self._reader is not None
        read = self._reader.from_regions
        return [p if p.evidence else replace(p, evidence=read(p.regions)) for p in pictures]

    def support(self, pictures: Sequence[PictureRegions]) -> Support | None:
        """Return the evidence for captions of pictures; None where there is none."""
        evidence = [one.evidence for one in pictures if one.evidence]
        if self._reader is None or len(evidence) < len(pictures):
            return None
        return self._reader.support(evidence, self._numbers)

    @cached_property
    def _numbers(self) -> list[int | None]:
        return self._reader.numbers(self._run.vocabulary) if self._reader else []

    def captions(
        self,
        hypotheses: Sequence[Sequence[Hypothesis]],
        pictures: Sequence[PictureRegions],
        calibration: Calibration | None,
    ) -> list[Caption]:
        """Return the caption of each picture, with the other hypotheses as alternatives."""
        pairs = zip(hypotheses, pictures, strict=True)
        return [self._best(ranked, picture, calibration) for ranked, picture in pairs]

    def text(self, words: Sequence[str]) -> str:
        """Return the text of words."""
        return detokenize([*words], self._run.config.tokenizer)

    def _best(
        self,
        ranked: Sequence[Hypothesis],
        picture: PictureRegions,
        calibration: Calibration | None,
    ) -> Caption:
        best, *others = (self._caption(one, picture) for one in ranked)
        assert best.attention is not None
        reader, evidence = self._reader, picture.evidence
        return replace(
            best,
            alternatives=tuple(others),
            features=self._features(picture),
            concepts=reader.concepts(evidence, MOST_CONCEPTS) if reader and evidence else (),
            confidence=calibration
            and calibration.confidence(best.log_probs, best.attention, best.content_evidence),
            familiarity=self.familiarity(picture),
        )

    def familiarity(self, picture: PictureRegions) -> float | None:
        """Return the familiarity of a picture; None where it is not known."""
        features = None if self._familiarity is None else self._features(picture)
        if self._familiarity is None or features is None:
            return None
        return self._familiarity.p_values(features[None])[0]

    def _features(self, picture: PictureRegions) -> Float[np.ndarray, " D"] | None:
        if picture.features is not None or is_concepts(self._spec):
            return picture.features
        return pooled_features(picture.regions[None])[0]

    def _caption(self, hypothesis: Hypothesis, picture: PictureRegions) -> Caption:
        spec, words = self._spec, self._run.vocabulary.decode(hypothesis.words)
        reader, evidence = self._reader, picture.evidence
        attention = _on_grid(hypothesis.attention, picture.regions, spec)
        return Caption(
            text=self.text(words),
            words=tuple(words),
            log_probs=tuple(hypothesis.log_probs),
            attention=attention.reshape(len(words), spec.rows, spec.columns).numpy(),
            field_of_view=spec.field_of_view,
            evidence=reader.word_evidence(words, evidence) if reader and evidence else None,
        )


def _on_grid(
    attention: Float[Tensor, "T R"], regions: Float[Tensor, "R D"], spec: EncoderSpec
) -> Float[Tensor, "T cells"]:
    return attention_on_grid(attention, regions, spec) if is_concepts(spec) else attention
