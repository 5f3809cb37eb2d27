"""Captions beside the pictures that they are of, in the space of a CLIP model.

It stands above `encoders`, which hold the model, and `metrics`, which hold the formula: they do not
know each other, and scoring must run without torch.
"""

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.data.record import Record
from tushuo.encoders.clip import ClipEncoder
from tushuo.errors import DataError
from tushuo.features.regions import Regions
from tushuo.metrics.clipscore import ClipScore
from tushuo.runtime import Progress

PROMPT = "A photo depicts "  # before every caption, as the authors have it
BATCH_PICTURES = 32


@final
class Clip:
    """Pictures that a CLIP model has looked at, and the captions that it has read.

    Attributes:
        weights: first 16 hex digits of the weights' SHA-256, for signatures.
        pictures: the vector of each picture, by image id.
    """

    def __init__(self, encoder: ClipEncoder, pictures: Mapping[str, Float[Tensor, " D"]]):
        self.weights = encoder.spec.weights
        self.pictures = pictures
        self._encoder = encoder
        self._read: dict[str, Float[Tensor, " D"]] = {}

    def __call__(
        self, hypotheses: Mapping[str, str], references: Mapping[str, Sequence[str]]
    ) -> ClipScore:
        """Compare one caption of each picture with the picture and with its references."""
        said = self._captions([hypotheses[name] for name in references])
        seen = torch.stack([self.pictures[name] for name in references])
        alike = [
            (self._captions(of) @ own).max()
            for of, own in zip(references.values(), said, strict=True)
        ]
        return ClipScore(
            pictures=(said * seen).sum(dim=1).double().numpy(),
            references=np.array([float(one) for one in alike]),
        )

    def _captions(self, captions: Sequence[str]) -> Float[Tensor, "C D"]:
        """Read captions, each once."""
        new = [one for one in dict.fromkeys(captions) if one not in self._read]
        if new:
            found = self._encoder.captions([PROMPT + one for one in new])
            self._read |= zip(new, found, strict=True)
        return torch.stack([self._read[one] for one in captions])


def look(
    encoder: ClipEncoder, records: Sequence[Record], *, progress: Progress | None = None
) -> Clip:
    """Look at pictures with a CLIP model.

    Raises:
        DataError: a picture cannot be opened.
    """
    regions = Regions.on_the_fly(encoder, records)
    for told in regions.failed.values():
        raise DataError(
            f"CLIPScore wants every picture, and {len(regions.failed)} of {len(records)} cannot be "
            f"opened: {told}; mend the data, or leave --clip out"
        )
    names = list(regions.rows)
    pictures: dict[str, Float[Tensor, " D"]] = {}
    for start in range(0, len(names), BATCH_PICTURES):
        batch = names[start : start + BATCH_PICTURES]
        found = regions.read([regions.rows[name] for name in batch])[:, 0]
        pictures |= zip(map(str, batch), found, strict=True)
        if progress is not None:
            progress(len(pictures), len(names))
    return Clip(encoder, pictures)
