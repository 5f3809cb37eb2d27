"""tushuo's own captioner: an encoder and a run."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.captioning.caption import Caption, Explanation, PartialCaption
from tushuo.captioning.captioner import TOP_WORDS, CaptionerInfo, Stop, only_result, require_list
from tushuo.captioning.compose import Composer
from tushuo.captioning.evidence import ConceptReader
from tushuo.captioning.given_captions import explain, next_word_log_probs, token_log_probs
from tushuo.captioning.picture_regions import (
    PictureRegions,
    encode_pictures,
    encode_with,
    to_device,
)
from tushuo.concepts.encoder import ConceptEncoder, features_spec
from tushuo.data.record import Record
from tushuo.encoders.spec import Encoder
from tushuo.errors import PictureError, RunError, SettingError
from tushuo.features.regions import Regions
from tushuo.pictures.pixels import Picture
from tushuo.runs.run import Run, run_signature
from tushuo.runtime import Progress
from tushuo.search import search, search_steps
from tushuo.search.config import SearchConfig
from tushuo.signatures import require_same, signature
from tushuo.text.tokenization import language_of
from tushuo.text.vocabulary import SPECIAL
from tushuo.trust import confidence, familiarity
from tushuo.trust.confidence import Calibration


@final
class NativeCaptioner:
    """A captioner made of an encoder and a run; it follows the `Captioner` protocol.

    Args:
        run: the run, or an ensemble of runs.
        encoder: the encoder that the run was trained with.
        concepts: reads the evidence that pictures come with, where the run finds none itself.
        device: where the decoder runs.

    Raises:
        SignatureError: the encoder is not the one that the run was trained with.
    """

    def __init__(
        self,
        run: Run,
        encoder: Encoder,
        *,
        concepts: ConceptReader | None = None,
        device: str | torch.device = "cpu",
    ):
        require_same(
            run.config.encoder.signature,
            encoder.spec.signature,
            what="the run's encoder and the one that is installed",
            cure="restore the encoder's original weights, or train on regions of this one",
        )
        run.decoder.to(device)
        self._run, self._encoder, self._device = run, encoder, torch.device(device)
        self._encode = encode_with(encoder, self._device)
        if isinstance(encoder, ConceptEncoder):
            concepts = ConceptReader(encoder.model.settings)
        self._calibrations = {c.signature: c for c in confidence.read_calibrations(run.folder)}
        self._familiarity = known = familiarity.read_familiarity(run.folder)
        if known and known.signature != features_spec(encoder).signature:
            self._familiarity = None
        self._composer = Composer(run, encoder.spec, concepts, self._familiarity)

    @cached_property
    def info(self) -> CaptionerInfo:
        """What it is."""
        config = self._run.config
        return CaptionerInfo(
            name=str(self._run.folder),
            language=language_of(self._run.vocabulary.words[len(SPECIAL) :]),
            weights=self._run_signature.rpartition("weights:")[2],
            search=config.search,
            device=str(self._device),
            has_attention=True,
            has_confidence=self._calibration(config.search) is not None,
            has_familiarity=self._familiarity is not None,
            encoder=features_spec(self._encoder).signature,
            folder=self._run.folder,
        )

    @cached_property
    def _run_signature(self) -> str:
        return run_signature(self._run)

    def signature(self, config: SearchConfig | None = None) -> str:
        """Name the run, its exact weights and the search."""
        search_signature = (config or self._run.config.search).signature
        return f"{self._run_signature}|{signature(search=search_signature)}"

    def _calibration(self, config: SearchConfig | None) -> Calibration | None:
        # hashing the weights takes a while; it is not needed where nothing was calibrated
        return self._calibrations.get(self.signature(config)) if self._calibrations else None

    def require_confidence(self, config: SearchConfig | None = None) -> None:
        """Raise an error unless captions of this search have a confidence; see `Captioner`."""
        cure = "run: tushuo calibrate DATA --run RUN, with the same search"
        if not self._calibrations:
            raise RunError(
                f"{self._run.folder} is not calibrated, so captions have no confidence; {cure}"
            )
        if self._calibration(config) is None:
            what = f"the calibration of {self._run.folder} and this search"
            require_same([*self._calibrations][-1], self.signature(config), what=what, cure=cure)

    def caption(
        self, picture: Picture, *, config: SearchConfig | None = None, stop: Stop | None = None
    ) -> Caption:
        """Caption one picture, in any form that `to_pixels` accepts; see `Captioner`."""
        return only_result(self.caption_batch([picture], config=config, stop=stop))

    def caption_batch(
        self,
        pictures: Sequence[Picture | PictureRegions],
        *,
        config: SearchConfig | None = None,
        stop: Stop | None = None,
    ) -> list[Caption | PictureError]:
        """Return one caption or one error for each picture, in order; see `Captioner`."""
        require_list(pictures)
        encoded = self.encode(pictures, stop=stop)
        opened = [one for one in encoded if isinstance(one, PictureRegions)]
        captions = iter(self.caption_encoded(opened, config=config, stop=stop))
        return [one if isinstance(one, PictureError) else next(captions) for one in encoded]

    def caption_regions(
        self,
        regions: Float[Tensor, "P R D"],
        *,
        config: SearchConfig | None = None,
        stop: Stop | None = None,
    ) -> list[Caption]:
        """Caption pictures whose regions were computed before; see `caption_encoded`."""
        return self.caption_encoded(
            [PictureRegions(one) for one in regions], config=config, stop=stop
        )

    def caption_encoded(
        self,
        pictures: Sequence[PictureRegions],
        *,
        config: SearchConfig | None = None,
        stop: Stop | None = None,
    ) -> list[Caption]:
        """Caption pictures that were encoded before.

        Raises:
            StoppedError: ``stop`` returned True.
        """
        if not pictures:
            return []
        config, run = config or self._run.config.search, self._run
        pictures = self._composer.with_evidence(pictures)
        hypotheses = search(
            run.decoder,
            torch.stack([one.regions for one in pictures]),
            config,
            vocabulary=run.vocabulary,
            support=self._composer.support(pictures),
            stop=stop,
        )
        return self._composer.captions(hypotheses, pictures, self._calibration(config))

    def stream(
        self, picture: Picture | PictureRegions, *, config: SearchConfig | None = None
    ) -> Iterator[PartialCaption | Caption]:
        """Caption one picture word by word; see `Captioner`."""
        (encoded,) = self.encode([picture])
        if isinstance(encoded, PictureError):
            raise encoded
        return self._stream(encoded, config or self._run.config.search)

    def _stream(
        self, picture: PictureRegions, config: SearchConfig
    ) -> Generator[PartialCaption | Caption, None, None]:
        run, previous = self._run, [-1]
        pictures = self._composer.with_evidence([picture])
        steps = search_steps(
            run.decoder,
            picture.regions[None],
            config,
            vocabulary=run.vocabulary,
            support=self._composer.support(pictures),
        )
        while True:
            try:
                (prefix,) = next(steps)()
            except StopIteration as end:
                calibration = self._calibration(config)
                yield from self._composer.captions(end.value, pictures, calibration)
                return
            if prefix != previous:
                words = run.vocabulary.decode(prefix)
                yield PartialCaption(text=self._composer.text(words), words=tuple(words))
            previous = prefix

    def explain(
        self,
        picture: Picture | PictureRegions,
        *,
        config: SearchConfig | None = None,
        top_words: int = TOP_WORDS,
    ) -> Explanation:
        """Caption one picture, and list the most probable words at each step; see `Captioner`.

        Their probabilities are the decoder's own: before temperature, and over the whole
        vocabulary, including words that the search excludes.

        Raises:
            SettingError: ``top_words`` is below 1.
        """
        if top_words < 1:
            raise SettingError(f"top_words was {top_words}, but must be at least 1")
        (encoded,) = self.encode([picture])
        if isinstance(encoded, PictureError):
            raise encoded
        (best,) = self.caption_encoded([encoded], config=config)
        regions = encoded.regions[None]
        first, *others = explain(self._run, regions, [best, *best.alternatives], top_words)
        return replace(first, alternatives=tuple(others))

    def encode(
        self, pictures: Sequence[Picture | PictureRegions], *, stop: Stop | None = None
    ) -> list[PictureRegions | PictureError]:
        """Return each picture's regions, or its error if it cannot be opened; see also `Stop`."""
        pictures = [to_device(one, self._device) for one in pictures]
        return encode_pictures(
            self._encoder.spec, self._encode, pictures, encoded_type=PictureRegions, stop=stop
        )

    @property
    def familiarity_digest(self) -> str | None:
        """Digest of the fitted familiarity; None where it was not calibrated."""
        return self._familiarity and self._familiarity.digest

    def knows(self, phrase: str) -> bool:
        """Whether its vocabulary has all words of a phrase."""
        return self._run.vocabulary.knows(phrase)

    def familiarity(self, picture: PictureRegions) -> float | None:
        """Return the familiarity of a picture; None where it was not calibrated."""
        return self._composer.familiarity(picture)

    def regions_of(
        self, records: Sequence[Record], store: Path | None, *, progress: Progress | None = None
    ) -> Regions:
        """Return the regions of records from a store, or encoded each time they are read.

        Raises:
            StoreError: the store is missing, unfinished or damaged.
            SignatureError: the store was made by another encoder, or of other pictures.
        """
        if not store:
            return Regions.on_the_fly(self._encoder, records, progress=progress)
        regions = Regions.from_store(store, records).with_encoder(self._encoder)
        self.require_regions(regions)
        return regions

    def require_regions(self, regions: Regions) -> None:
        """Refuse regions of another encoder, by a SignatureError."""
        require_same(
            self._encoder.spec.signature,
            regions.spec.signature,
            what="the run's encoder and the store's",
            cure="make a store of the run's encoder with: tushuo extract DATA --run RUN, "
            "or leave --store out",
        )

    def token_log_probs(
        self, regions: Float[Tensor, "P R D"], captions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        """Return the log-probability of each word of given captions, and of the end token."""
        return token_log_probs(self._run, regions, captions)

    def next_word_log_probs(
        self,
        regions: Float[Tensor, "P R D"],
        prefixes: Sequence[Sequence[str]],
        words: Sequence[str],
    ) -> list[float]:
        """Return the log-probability of each word after its own prefix, given its own picture."""
        return next_word_log_probs(self._run, regions, prefixes, words)
