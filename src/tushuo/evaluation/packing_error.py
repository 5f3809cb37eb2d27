"""How far a packed model's captions are from those of its run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tushuo.captioning.native import NativeCaptioner
from tushuo.captioning.picture_regions import PictureRegions
from tushuo.errors import PictureError
from tushuo.search.config import SearchConfig

BATCH_PICTURES = 32


@dataclass(frozen=True, kw_only=True)
class PackingError:
    """How far a packed model's captions are from those of its run.

    Attributes:
        pictures: number of pictures captioned.
        same: number of them with the same caption.
        words: number of words of the run's captions, end tokens included.
        mean, maximum: absolute change of these words' log-probabilities, in nats.
    """

    pictures: int
    same: int
    words: int
    mean: float
    maximum: float


def packing_error(
    run: NativeCaptioner, model: NativeCaptioner, pictures: Sequence[Path], search: SearchConfig
) -> PackingError:
    """Caption pictures by a run and by its packed model, and compare.

    Raises:
        PictureError: one of the pictures cannot be opened.
    """
    same, differences = 0, []
    for start in range(0, len(pictures), BATCH_PICTURES):
        batch = pictures[start : start + BATCH_PICTURES]
        regions = [_regions(captioner, batch) for captioner in (run, model)]
        captions = run.caption_regions(regions[0], config=search)
        packed = model.caption_regions(regions[1], config=search)
        same += sum(a.text == b.text for a, b in zip(captions, packed, strict=True))
        words = [caption.words for caption in captions]
        before = run.token_log_probs(regions[0], words)
        after = model.token_log_probs(regions[1], words)
        differences += [np.subtract(a, b) for a, b in zip(before, after, strict=True)]
    absolute = np.abs(np.concatenate(differences))
    return PackingError(
        pictures=len(pictures),
        same=same,
        words=len(absolute),
        mean=float(absolute.mean()),
        maximum=float(absolute.max()),
    )


def _regions(captioner: NativeCaptioner, pictures: Sequence[Path]) -> torch.Tensor:
    regions = []
    for encoded in captioner.encode(pictures):
        if isinstance(encoded, PictureError):
            raise encoded
        assert isinstance(encoded, PictureRegions)
        regions.append(encoded.regions)
    return torch.stack(regions)
