"""Embeddings of pictures and captions by CLIP or SigLIP, compared for their scores.

This module connects `encoders`, which has the model, with `metrics`, which has the formula: neither
imports the other, because scoring must work without torch.
"""

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.data.record import Record
from tushuo.encoders.clip import ClipEncoder, Family
from tushuo.errors import DataError
from tushuo.features.regions import Regions
from tushuo.metrics.base import Metric
from tushuo.metrics.clipscore import ClipScore, SiglipCosine
from tushuo.runtime import Progress
from tushuo.signatures import signature

# Prefix of every caption: CLIPScore's as in its paper; SigLIP has learned from plain captions.
PROMPTS: dict[Family, str] = {"clip": "A photo depicts ", "siglip": ""}
METRICS: dict[Family, type[ClipScore | SiglipCosine]] = {"clip": ClipScore, "siglip": SiglipCosine}
BATCH_PICTURES = 32


@final
class Clip:
    """Embeddings of pictures, and of captions as they come.

    Attributes:
        signature: the model's family and the first 16 hex digits of the SHA-256 of its weights.
        pictures: embedding of each picture, by image id.
    """

    def __init__(self, encoder: ClipEncoder, pictures: Mapping[str, Float[Tensor, " D"]]):
        self.signature = signature(**{encoder.family: encoder.spec.weights})
        self.pictures = pictures
        self._encoder = encoder
        self._embeddings: dict[str, Float[Tensor, " D"]] = {}  # by caption

    def __call__(
        self, hypotheses: Mapping[str, str], references: Mapping[str, Sequence[str]]
    ) -> Metric:
        """Compare one caption of each picture with the picture and with its references."""
        captions = self._embed([hypotheses[name] for name in references])
        pictures = torch.stack([self.pictures[name] for name in references])
        closest = [
            float((self._embed(texts) @ caption).max())
            for texts, caption in zip(references.values(), captions, strict=True)
        ]
        return METRICS[self._encoder.family](
            pictures=(captions * pictures).sum(dim=1).cpu().double().numpy(),
            references=np.array(closest),
        )

    def _embed(self, captions: Sequence[str]) -> Float[Tensor, "C D"]:
        """Embed captions, each once."""
        new = [text for text in dict.fromkeys(captions) if text not in self._embeddings]
        if new:
            prompt = PROMPTS[self._encoder.family]
            embeddings = self._encoder.captions([prompt + text for text in new])
            self._embeddings |= zip(new, embeddings, strict=True)
        return torch.stack([self._embeddings[text] for text in captions])


def embed_pictures(
    encoder: ClipEncoder, records: Sequence[Record], *, progress: Progress | None = None
) -> Clip:
    """Embed pictures with a CLIP or SigLIP model.

    Raises:
        DataError: a picture cannot be opened.
    """
    regions = Regions.on_the_fly(encoder, records)
    for error in regions.failed.values():
        raise DataError(
            f"--clip requires every picture, but {len(regions.failed)} of {len(records)} cannot "
            f"be opened: {error}; repair the data, or leave --clip out"
        )
    names = list(regions.rows)
    pictures: dict[str, Float[Tensor, " D"]] = {}
    for start in range(0, len(names), BATCH_PICTURES):
        batch = names[start : start + BATCH_PICTURES]
        embeddings = regions.read([regions.rows[name] for name in batch])[:, 0]
        pictures |= zip(map(str, batch), embeddings, strict=True)
        if progress is not None:
            progress(len(pictures), len(names))
    return Clip(encoder, pictures)
