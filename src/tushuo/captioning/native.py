"""Picture to caption: the one object that users need."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from tushuo.captioning.caption import Caption, Explanation, TokenProbability
from tushuo.encoders.resize import resize
from tushuo.encoders.spec import Encoder
from tushuo.errors import RunError
from tushuo.models import shipped
from tushuo.pictures.opening import open_picture
from tushuo.runs.encoder import encoder_of
from tushuo.runs.ensemble import ensemble
from tushuo.runs.run import Run, run_signature
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.search.force_decode import force_decode
from tushuo.search.hypothesis import Hypothesis
from tushuo.signatures import require_same, signature
from tushuo.text.tokenization import Language, join, require_language
from tushuo.text.vocabulary import SPECIAL
from tushuo.trust import confidence
from tushuo.trust import familiarity as familiar
from tushuo.trust.confidence import Calibration

Pixels = UInt8[np.ndarray, "_height _width 3"]  # each picture has a size of its own
TOP_WORDS = 5  # words at each word's place, unless asked otherwise


@final
class NativeCaptioner:
    """An encoder and a run, ready to look and speak."""

    def __init__(self, run: Run, encoder: Encoder):
        require_same(
            run.config.encoder.signature,
            encoder.spec.signature,
            what="the run's encoder and the one that is installed",
            cure="bring the encoder's original weights, or train on regions of this one",
        )
        self.run, self.encoder = run, encoder
        self._calibrations = {one.signature: one for one in confidence.read(run.folder)}
        self._signature = run_signature(run) if self._calibrations else ""
        known = familiar.read(run.folder)
        self._known = known if known and known.signature == encoder.spec.signature else None

    def calibration(self, config: SearchConfig | None = None) -> Calibration | None:
        """Return what tells confidence by this search; None where there is none."""
        return self._calibrations.get(self.signature(config)) if self._calibrations else None

    def require_calibration(self, config: SearchConfig | None = None) -> None:
        """Refuse where confidence cannot be told.

        Raises:
            RunError: the run was never calibrated.
            SignatureError: it was for another search, or for other weights.
        """
        cure = "calibrate it: tushuo calibrate DATA --run RUN --store STORE, with the same search"
        if not self._calibrations:
            raise RunError(f"{self.run.folder} does not know how sure it is; {cure}")
        if self.calibration(config) is None:
            what = f"the calibration of {self.run.folder} and what is asked"
            require_same([*self._calibrations][-1], self.signature(config), what=what, cure=cure)

    def signature(self, config: SearchConfig | None = None) -> str:
        """Name the run, its weights and a search: what a calibration is for."""
        how = config or self.run.config.search
        return f"{self._signature or run_signature(self.run)}|{signature(search=how.signature)}"

    def require_language(self, language: Language) -> None:
        """Refuse to be asked in a language that it does not speak.

        Raises:
            SettingError: its words are of the other one.
        """
        require_language(self.run.vocabulary.words[len(SPECIAL) :], language)

    def caption(
        self, picture: Path | str | bytes | Pixels, *, config: SearchConfig | None = None
    ) -> Caption:
        """Caption one picture: a path, the bytes of a picture file, or RGB pixels 0 to 255.

        Raises:
            PictureError: the picture cannot be opened.
        """
        return self.caption_batch([picture], config=config)[0]

    def caption_batch(
        self,
        pictures: Sequence[Path | str | bytes | Pixels],
        *,
        config: SearchConfig | None = None,
    ) -> list[Caption]:
        """Caption several pictures at once; each gets the caption that it would get alone.

        Raises:
            PictureError: one of them cannot be opened.
        """
        if not pictures:
            return []
        return self.caption_regions(self.look(pictures), config=config)

    def caption_regions(
        self, regions: Float[Tensor, "P R D"], *, config: SearchConfig | None = None
    ) -> list[Caption]:
        """Caption pictures whose regions are at hand, as a store has them."""
        run = self.run
        how = config or run.config.search
        told = [
            [self._told(hypothesis) for hypothesis in hypotheses]
            for hypotheses in search(run.decoder, regions, how, vocabulary=run.vocabulary)
        ]
        sure = self.calibration(how)
        alike = self._known.of(regions) if self._known else [None] * len(regions)
        return [
            replace(
                best,
                alternatives=tuple(others),
                confidence=sure and sure.confidence(best.log_probs, best.attention),
                familiarity=familiarity,
            )
            for (best, *others), familiarity in zip(told, alike, strict=True)
        ]

    def explain(
        self,
        picture: Path | str | bytes | Pixels,
        *,
        config: SearchConfig | None = None,
        top_words: int = TOP_WORDS,
    ) -> Explanation:
        """Caption one picture, and tell the likeliest words at each word's place.

        Their probabilities are the decoder's own: before temperature, and of all words, those too
        that the search may not say.

        Raises:
            PictureError: the picture cannot be opened.
        """
        return self.explain_regions(self.look([picture]), config=config, top_words=top_words)

    @torch.inference_mode()
    def explain_regions(
        self,
        regions: Float[Tensor, "1 R D"],
        *,
        config: SearchConfig | None = None,
        top_words: int = TOP_WORDS,
    ) -> Explanation:
        """Explain the caption of a picture whose regions are at hand."""
        best = self.caption_regions(regions, config=config)[0]
        captions, words = [best, *best.alternatives], self.run.vocabulary
        ids = [words.encode(caption.words)[1:-1] for caption in captions]
        steps: list[list[tuple[TokenProbability, ...]]] = [[] for _ in captions]
        pictures = torch.zeros(len(captions), dtype=torch.long)
        for rows, step in force_decode(self.run.decoder, regions, ids, pictures):
            found = step.log_probs.float().topk(min(top_words, len(words)))
            told = zip(
                rows.tolist(), found.values.exp().tolist(), found.indices.tolist(), strict=True
            )
            for row, chances, places in told:
                steps[row].append(_likely(words.decode(places), chances))
        first, *others = (
            Explanation(caption=caption, steps=tuple(of))
            for caption, of in zip(captions, steps, strict=True)
        )
        return replace(first, alternatives=tuple(others))

    def look(self, pictures: Sequence[Path | str | bytes | Pixels]) -> Float[Tensor, "P R D"]:
        """Return the regions of pictures.

        Raises:
            PictureError: one of them cannot be opened.
        """
        spec = self.encoder.spec
        prepared = torch.stack([resize(self._pixels(picture), spec) for picture in pictures])
        return self.encoder(prepared).float()

    def _pixels(self, picture: Path | str | bytes | Pixels) -> Pixels:
        if isinstance(picture, np.ndarray):
            return picture
        source = picture if isinstance(picture, bytes) else Path(picture)
        return open_picture(source, at_least=self.encoder.spec.side)

    def _told(self, hypothesis: Hypothesis) -> Caption:
        spec, words = self.encoder.spec, self.run.vocabulary.decode(hypothesis.words)
        grid = hypothesis.attention.reshape(len(words), spec.rows, spec.columns)
        return Caption(
            text=join(words, self.run.config.tokenizer),
            words=tuple(words),
            log_probs=tuple(hypothesis.log_probs),
            attention=grid.numpy(),
        )


def _likely(words: Sequence[str], chances: Sequence[float]) -> tuple[TokenProbability, ...]:
    return tuple(
        TokenProbability(word=word, probability=chance)
        for word, chance in zip(words, chances, strict=True)
    )


def load(
    run: Path | str | Sequence[Path | str] | None = None,
    *,
    language: Language | None = None,
    weights: Path | str | None = None,
) -> NativeCaptioner:
    """Load a run folder with the encoder that it was trained on.

    Args:
        run: the folder; several are an ensemble, which speaks by the mean of their probabilities;
            None: the model of the language that comes with the package.
        language: what it must speak; of the models that come with the package, English unless told.
        weights: the encoder's weights file, where the encoder does not find it by itself.

    Raises:
        RunError: the folder is not a whole run, or no model of the language is installed.
        SettingError: the run speaks another language.
        WeightsError: the encoder's weights are not here.
        SignatureError: the encoder that is installed is another one, or runs do not fit together.
    """
    named = shipped(language or "en") if run is None else run
    folders = [named] if isinstance(named, Path | str) else named
    loaded = ensemble([Run.load(folder) for folder in folders])
    captioner = NativeCaptioner(loaded, encoder_of(loaded, weights=weights))
    if language:
        captioner.require_language(language)
    return captioner
