"""Deletion test of attention: hide what a word attended to, and measure its probability.

The deletion test of saliency maps (Samek et al., "Evaluating the Visualization of What a Deep
Neural Network Has Learned", IEEE TNNLS 2017; Petsiuk et al., "RISE", BMVC 2018), word by word: a
share of a picture's regions is replaced, the caption's prefix is decoded again, and the
log-probability of the next word is compared with that on the whole picture. An attention map is
meaningful if replacing its largest weights costs more than masks of the same size that ignore it.

Differs from the papers: regions are replaced, not pixels. Each region has a receptive field that
covers much of the picture, so that nothing is ever hidden completely.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tushuo.captioning.caption import Caption
from tushuo.captioning.native import NativeCaptioner
from tushuo.data.record import Record
from tushuo.errors import DataError, PictureError, SettingError
from tushuo.evaluation.captioning import caption_records
from tushuo.features.regions import Regions
from tushuo.metrics.caption_diagnostics import FUNCTION_WORDS
from tushuo.metrics.deletion import DeletionTest, Fill, aggregate_drops
from tushuo.runtime import Progress
from tushuo.search.config import SearchConfig

SHARES = (0.05, 0.1, 0.2, 0.4)
BATCH_PICTURES = 32


@torch.inference_mode()
def deletion_test(
    captioner: NativeCaptioner,
    records: Sequence[Record],
    regions: Regions,
    *,
    config: SearchConfig | None = None,
    shares: Sequence[float] = SHARES,
    fill: Fill = "mean",
    progress: Progress | None = None,
) -> DeletionTest:
    """Caption pictures, then hide regions from each word of each caption.

    Args:
        captioner: the captioner whose attention is tested.
        records: pictures that it was not trained on.
        regions: their regions.
        config: search of the captions; None: the captioner's default.
        shares: shares of the regions to hide.
        fill: what replaces hidden regions: the mean region of all these pictures, or zeros.
        progress: called with the pictures done and their total.

    Raises:
        SettingError: a share is not between 0 and 1.
        DataError: no caption has two words.
    """
    if not shares or not all(0 < share < 1 for share in shares):
        raise SettingError(f"share was {list(shares)}, but each must be above 0 and below 1")
    captions = _captions(captioner, records, regions, config)
    rows = [regions.rows[record.image_id] for record, _ in captions]
    filler = _mean_region(regions, rows) if fill == "mean" else torch.zeros(regions.spec.width)
    drops, hidden_attention, content = [], [], []
    for place, (row, (_, caption)) in enumerate(zip(rows, captions, strict=True)):
        generator = torch.Generator().manual_seed(place)
        picture = regions.read([row])[0].cpu()
        picture_drops, attention = _drops(captioner, picture, caption, shares, filler, generator)
        drops.append(picture_drops)
        hidden_attention.append(attention)
        content.append(np.array([word not in FUNCTION_WORDS for word in caption.words]))
        if progress is not None:
            progress(place + 1, len(captions))
    kinds = (("all", [words | True for words in content]), ("content", content))
    return DeletionTest(
        signature=captioner.signature(config),
        pictures=len(captions),
        fill=fill,
        hidden=tuple(
            aggregate_drops(
                share,
                kind,
                list(MASKS),
                [of_picture[n] for of_picture in drops],
                [of_picture[n] for of_picture in hidden_attention],
                chosen,
            )
            for kind, chosen in kinds
            if any(words.any() for words in chosen)
            for n, share in enumerate(shares)
        ),
    )


def _captions(
    captioner: NativeCaptioner,
    records: Sequence[Record],
    regions: Regions,
    config: SearchConfig | None,
) -> list[tuple[Record, Caption]]:
    """Return the captions that have two words to compare."""
    captions = [
        (record, caption)
        for record, caption in caption_records(captioner, records, regions, config=config)
        if not isinstance(caption, PictureError) and len(caption.words) > 1
    ]
    if not captions:
        raise DataError(
            "no caption has two words, so there is nothing to compare; train longer, or name more "
            "pictures"
        )
    return captions


def _mean_region(regions: Regions, rows: Sequence[int]) -> Float[Tensor, " D"]:
    starts = range(0, len(rows), BATCH_PICTURES)
    sums = [regions.read(rows[s : s + BATCH_PICTURES]).mean(dim=1).sum(dim=0) for s in starts]
    return torch.stack(sums).sum(dim=0).cpu() / len(rows)


def _drops(
    captioner: NativeCaptioner,
    picture: Float[Tensor, "R D"],
    caption: Caption,
    shares: Sequence[float],
    filler: Float[Tensor, " D"],
    generator: torch.Generator,
) -> tuple[Float[np.ndarray, "S M T"], Float[np.ndarray, "S T"]]:
    """Return each word's log-probability drop, by share and mask, and the attention hidden."""
    assert caption.attention is not None
    T, *grid = caption.attention.shape
    attention = torch.from_numpy(caption.attention).flatten(1)
    sizes = [max(1, round(share * attention.shape[1])) for share in shares]
    masks = torch.stack(
        [
            torch.stack([mask(attention, size, grid, generator) for mask in MASKS.values()])
            for size in sizes
        ]
    )  # (shares, masks, words, regions)
    hidden = torch.where(masks.flatten(0, 2)[..., None], filler, picture)
    repeats = len(shares) * len(MASKS)
    prefixes = [caption.words[:place] for place in range(T)] * repeats
    log_probs = captioner.next_word_log_probs(hidden, prefixes, caption.words * repeats)
    whole = torch.tensor(caption.log_probs[:T])
    drops = whole - torch.tensor(log_probs).view(len(shares), len(MASKS), T)
    return drops.numpy(), (masks[:, 0] * attention).sum(dim=-1).numpy()


def _own(
    attention: Float[Tensor, "T R"], size: int, grid: Sequence[int], generator: torch.Generator
) -> Bool[Tensor, "T R"]:
    """Select the regions with the largest weights."""
    return _largest(attention, size)


def _other(
    attention: Float[Tensor, "T R"], size: int, grid: Sequence[int], generator: torch.Generator
) -> Bool[Tensor, "T R"]:
    """Select the largest weights of another word of the caption."""
    shift = torch.randint(1, len(attention), (), generator=generator).item()
    return _largest(attention, size).roll(int(shift), dims=0)


def _moved(
    attention: Float[Tensor, "T R"], size: int, grid: Sequence[int], generator: torch.Generator
) -> Bool[Tensor, "T R"]:
    """Shift each word's own mask by a random offset; it wraps around at the edges of the grid."""
    rows, columns = grid
    offsets = torch.randint(1, rows * columns, (len(attention),), generator=generator).tolist()
    own = _largest(attention, size).view(-1, rows, columns)
    shifted = [
        mask.roll((offset // columns, offset % columns), dims=(0, 1))
        for mask, offset in zip(own, offsets, strict=True)
    ]
    return torch.stack(shifted).flatten(1)


def _random(
    attention: Float[Tensor, "T R"], size: int, grid: Sequence[int], generator: torch.Generator
) -> Bool[Tensor, "T R"]:
    """Select random regions."""
    return _largest(torch.rand(attention.shape, generator=generator), size)


def _largest(weights: Float[Tensor, "T R"], size: int) -> Bool[Tensor, "T R"]:
    indices = weights.topk(size, dim=1).indices
    return torch.zeros_like(weights, dtype=torch.bool).scatter(1, indices, True)


Mask = Callable[[Float[Tensor, "T R"], int, Sequence[int], torch.Generator], Bool[Tensor, "T R"]]
MASKS: dict[str, Mask] = {"own": _own, "other": _other, "moved": _moved, "random": _random}
