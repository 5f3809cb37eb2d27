"""Captions of the validation pictures in the midst of a training, and what they are worth."""

from collections.abc import Mapping, Sequence
from typing import final

import torch

from tushuo.decoders.base import Decoder
from tushuo.features.regions import ReadRegions
from tushuo.metrics.base import corpus_scores
from tushuo.metrics.caption_diagnostics import CaptionDiagnostics, caption_diagnostics
from tushuo.metrics.cider import Cider
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.score import TOKENIZERS
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.text.tokenization import detokenize
from tushuo.training.setup import TrainingSetup

BATCH_PICTURES = 64


@final
class Validator:
    """Says and scores what a decoder has learned so far, as ``tushuo evaluate`` would.

    Args:
        lesson: what the training began with.
        read: rows in, regions out.
        captions: what people said of each picture, as the data has it.
    """

    def __init__(
        self, setup: TrainingSetup, read: ReadRegions, captions: Mapping[int | str, Sequence[str]]
    ):
        self._lesson, self._read = setup, read
        how = setup.config.tokenizer
        self._split = TOKENIZERS["ptb" if how == "words" else how]
        self._references = [[self._split(one) for one in captions[n]] for n in setup.names]

    @torch.no_grad()  # regions may come through a part of the encoder that learns
    def say(
        self, decoder: Decoder, config: SearchConfig, *, most: int | None = None
    ) -> dict[int | str, str]:
        """Caption the first so many validation pictures; all of them without ``most``."""
        names, rows = self._lesson.names[:most], self._lesson.watched[:most]
        said: list[str] = []
        for start in range(0, len(rows), BATCH_PICTURES):
            regions = self._read(rows[start : start + BATCH_PICTURES])
            found = search(decoder, regions, config, vocabulary=self._lesson.vocabulary)
            words = [self._lesson.vocabulary.decode(best[0].words) for best in found]
            said += [detokenize(one, self._lesson.config.tokenizer) for one in words]
        return dict(zip(names, said, strict=True))

    def cider(self, decoder: Decoder) -> float:
        """Return the CIDEr of greedy captions of all validation pictures."""
        said = list(self.say(decoder, SearchConfig()).values())
        metric = Cider()
        return corpus_scores(metric, metric.statistics(self._corpus(said)))["CIDEr"]

    def diagnostics(self, said: Mapping[int | str, str]) -> CaptionDiagnostics:
        """Look at captions of the first validation pictures for what scores hide."""
        return caption_diagnostics(self._corpus(list(said.values())))

    def _corpus(self, said: Sequence[str]) -> Corpus:
        return Corpus([self._split(one) for one in said], self._references[: len(said)])
