"""Is attention evidence? Hide what a word's map marks, and see the word's probability fall.

The deletion test of saliency maps (Samek et al., "Evaluating the Visualization of What a Deep
Neural Network Has Learned", IEEE TNNLS 2017; Petsiuk et al., "RISE", BMVC 2018), word by word: a
share of a picture's regions is hidden from the whole caption so far, and the next word, which was
said of the whole picture, is asked for again. A map that is evidence must hide more than masks of
the same size that do not know it.

Differs from the papers: regions are hidden, not pixels, and each has seen much of the picture
around it, so that what is hidden is never hidden wholly.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tushuo.captioning.caption import Caption
from tushuo.captioning.native import NativeCaptioner
from tushuo.data.record import Record
from tushuo.errors import DataError, SettingError
from tushuo.evaluation.evaluate import caption_each
from tushuo.features.regions import Regions
from tushuo.metrics.caption_diagnostics import FUNCTION_WORDS
from tushuo.metrics.deletion import DeletionTest, Fill, aggregate_drops
from tushuo.runtime import Progress
from tushuo.search.config import SearchConfig
from tushuo.search.force_decode import force_decode

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
        captioner: any decoder; its maps are what is tested.
        records: pictures that it did not learn.
        regions: their regions.
        config: how captions are searched.
        shares: of the regions, to be hidden.
        fill: what stands in their place: the mean region of all these pictures, or zeros.
        progress: told how many pictures are done.

    Raises:
        SettingError: a share is not between 0 and 1.
        DataError: no caption has two words.
    """
    if not shares or not all(0 < share < 1 for share in shares):
        raise SettingError(f"share was {list(shares)}, each must be above 0 and below 1")
    told = list(caption_each(captioner, records, regions, config=config))
    told = [(record, caption) for record, caption in told if len(caption.words) > 1]
    if not told:
        raise DataError("no caption has two words to compare; train longer, or bring more pictures")
    rows = [regions.rows[record.image_id] for record, _ in told]
    filler = _mean_region(regions, rows) if fill == "mean" else torch.zeros(regions.spec.width)
    found, looked, content = [], [], []
    for place, (row, (_, caption)) in enumerate(zip(rows, told, strict=True)):
        draw = torch.Generator().manual_seed(place)
        of, seen = _falls(captioner, regions.read([row])[0], caption, shares, filler, draw)
        found.append(of)
        looked.append(seen)
        content.append(np.array([word not in FUNCTION_WORDS for word in caption.words]))
        if progress is not None:
            progress(place + 1, len(told))
    return DeletionTest(
        signature=captioner.signature(config),
        pictures=len(told),
        fill=fill,
        hidden=tuple(
            aggregate_drops(
                share, words, list(MASKS), [of[n] for of in found], [of[n] for of in looked], chosen
            )
            for words, chosen in (("all", [c | True for c in content]), ("content", content))
            if any(of.any() for of in chosen)
            for n, share in enumerate(shares)
        ),
    )


def _mean_region(regions: Regions, rows: Sequence[int]) -> Float[Tensor, " D"]:
    starts = range(0, len(rows), BATCH_PICTURES)
    means = [regions.read(rows[s : s + BATCH_PICTURES]).mean(dim=1).sum(dim=0) for s in starts]
    return torch.stack(means).sum(dim=0) / len(rows)


def _falls(
    captioner: NativeCaptioner,
    picture: Float[Tensor, "R D"],
    caption: Caption,
    shares: Sequence[float],
    filler: Float[Tensor, " D"],
    draw: torch.Generator,
) -> tuple[Float[np.ndarray, "S M T"], Float[np.ndarray, "S T"]]:
    """Return how far each word falls, by share and mask, and the attention that is hidden."""
    looked, grid = torch.from_numpy(caption.attention).flatten(1), captioner.encoder.spec
    sizes = [max(1, round(share * grid.regions)) for share in shares]
    masks = torch.stack(
        [
            torch.stack(
                [make(looked, size, (grid.rows, grid.columns), draw) for make in MASKS.values()]
            )
            for size in sizes
        ]
    )  # (shares, masks, words, regions)
    hidden = torch.where(masks.flatten(0, 2)[..., None], filler, picture)
    ids = captioner.run.vocabulary.encode(caption.words)[1:-1]
    repeats = len(shares) * len(MASKS)
    prefixes = [ids[:place] for place in range(len(ids))] * repeats
    targets = torch.tensor(ids * repeats)
    told = torch.zeros(len(prefixes))
    for rows, step in force_decode(
        captioner.run.decoder, hidden, prefixes, torch.arange(len(prefixes))
    ):
        # a prefix' last step is the one that stays
        said = step.log_probs.float().gather(1, targets.to(rows.device)[rows, None])[:, 0]
        told[rows.cpu()] = said.cpu()
    whole = torch.tensor(caption.log_probs[: len(ids)])
    falls = whole - told.view(len(shares), len(MASKS), len(ids))
    return falls.numpy(), (masks[:, 0] * looked).sum(dim=-1).numpy()


def _own(
    looked: Float[Tensor, "T R"], size: int, grid: tuple[int, int], draw: torch.Generator
) -> Bool[Tensor, "T R"]:
    """Mark the regions with the greatest weights."""
    return _marked(looked, size)


def _other(
    looked: Float[Tensor, "T R"], size: int, grid: tuple[int, int], draw: torch.Generator
) -> Bool[Tensor, "T R"]:
    """Mark what another word of the caption looked at most."""
    by = torch.randint(1, len(looked), (), generator=draw).item()
    return _marked(looked, size).roll(int(by), dims=0)


def _moved(
    looked: Float[Tensor, "T R"], size: int, grid: tuple[int, int], draw: torch.Generator
) -> Bool[Tensor, "T R"]:
    """Move each word's own mask to another place; what leaves the grid comes in again opposite."""
    rows, columns = grid
    by = torch.randint(1, rows * columns, (len(looked),), generator=draw).tolist()
    own = _marked(looked, size).view(-1, *grid)
    moved = [
        mask.roll((step // columns, step % columns), dims=(0, 1))
        for mask, step in zip(own, by, strict=True)
    ]
    return torch.stack(moved).flatten(1)


def _random(
    looked: Float[Tensor, "T R"], size: int, grid: tuple[int, int], draw: torch.Generator
) -> Bool[Tensor, "T R"]:
    """Mark regions anywhere."""
    return _marked(torch.rand(looked.shape, generator=draw), size)


def _marked(weights: Float[Tensor, "T R"], size: int) -> Bool[Tensor, "T R"]:
    best = weights.topk(size, dim=1).indices
    return torch.zeros_like(weights, dtype=torch.bool).scatter(1, best, True)


Mask = Callable[[Float[Tensor, "T R"], int, tuple[int, int], torch.Generator], Bool[Tensor, "T R"]]
MASKS: dict[str, Mask] = {"own": _own, "other": _other, "moved": _moved, "random": _random}
