"""Caption and score the validation pictures during a training."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    """Captions the validation pictures with a decoder and scores it as ``tushuo evaluate`` does.

    Args:
        setup: what the training started with.
        read: rows in, regions out.
        references: reference captions of each validation picture, as the data has them.
    """

    def __init__(
        self, setup: TrainingSetup, read: ReadRegions, references: Mapping[int | str, Sequence[str]]
    ):
        self._setup, self._read = setup, read
        tokenizer = setup.config.tokenizer
        self._split = TOKENIZERS["ptb" if tokenizer == "words" else tokenizer]
        self._references = [
            [self._split(caption) for caption in references[image_id]]
            for image_id in setup.validation_ids
        ]

    @torch.no_grad()  # the regions may pass through a head that is being fine-tuned
    def caption(
        self, decoder: Decoder, config: SearchConfig, *, limit: int | None = None
    ) -> dict[int | str, str]:
        """Caption the first ``limit`` validation pictures, or all of them, without evidence."""
        config = replace(config, evidence_weight=0.0)  # regions of a training come without it
        setup, captions = self._setup, list[str]()
        rows = setup.validation_rows[:limit]
        for start in range(0, len(rows), BATCH_PICTURES):
            regions = self._read(rows[start : start + BATCH_PICTURES])
            hypotheses = search(decoder, regions, config, vocabulary=setup.vocabulary)
            words = [setup.vocabulary.decode(best[0].words) for best in hypotheses]
            captions += [detokenize(each, setup.config.tokenizer) for each in words]
        return dict(zip(setup.validation_ids[:limit], captions, strict=True))

    def cider(self, decoder: Decoder) -> float:
        """Return the CIDEr of greedy captions of all validation pictures."""
        captions = self.caption(decoder, SearchConfig())
        metric = Cider()
        return corpus_scores(metric, metric.statistics(self._corpus(captions)))["CIDEr"]

    def diagnostics(self, captions: Mapping[int | str, str]) -> CaptionDiagnostics:
        """Diagnose captions of the first validation pictures, as `caption` returns them."""
        return caption_diagnostics(self._corpus(captions))

    def _corpus(self, captions: Mapping[int | str, str]) -> Corpus:
        tokenized = [self._split(caption) for caption in captions.values()]
        return Corpus(tokenized, self._references[: len(tokenized)])
