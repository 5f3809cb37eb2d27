"""How far a packed model's captions are from those of its run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.captioning.native import NativeCaptioner
from tushuo.search.config import SearchConfig
from tushuo.search.force_decode import force_decode
from tushuo.text.vocabulary import END

BATCH_PICTURES = 32


@dataclass(frozen=True, kw_only=True)
class Moved:
    """How far a model's captions are from its run's.

    Attributes:
        pictures: how many were captioned.
        same: how many of them both say the same of.
        words: of the run's captions, their ends too.
        mean, most: by how much the log-probabilities of these words move, in nats.
    """

    pictures: int
    same: int
    words: int
    mean: float
    most: float


def moved(
    run: NativeCaptioner, model: NativeCaptioner, pictures: Sequence[Path], search: SearchConfig
) -> Moved:
    """Caption pictures by a run and by its model, and compare.

    Raises:
        PictureError: one of them cannot be opened.
    """
    same, parts = 0, []
    for start in range(0, len(pictures), BATCH_PICTURES):
        looks = [of.look(pictures[start : start + BATCH_PICTURES]) for of in (run, model)]
        told = run.caption_regions(looks[0], config=search)
        again = model.caption_regions(looks[1], config=search)
        same += sum(a.text == b.text for a, b in zip(told, again, strict=True))
        ids = [run.run.vocabulary.encode(caption.words)[1:-1] for caption in told]
        first, second = (
            _log_probs(of, at, ids) for of, at in zip((run, model), looks, strict=True)
        )
        parts.append((first - second).abs())
    far = torch.cat(parts)
    return Moved(
        pictures=len(pictures),
        same=same,
        words=len(far),
        mean=far.mean().item(),
        most=far.max().item(),
    )


@torch.inference_mode()
def _log_probs(
    captioner: NativeCaptioner, regions: Float[Tensor, "P R D"], captions: Sequence[Sequence[int]]
) -> Float[Tensor, " N"]:
    """Return the log-probability of each word of given captions, and of their ends, by step."""
    found = []
    places = torch.arange(len(captions))
    for t, (rows, step) in enumerate(
        force_decode(captioner.run.decoder, regions, captions, places)
    ):
        said = torch.tensor([[*captions[row], END][t] for row in rows.tolist()])
        found.append(step.log_probs.float().gather(1, said[:, None])[:, 0])
    return torch.cat(found)
