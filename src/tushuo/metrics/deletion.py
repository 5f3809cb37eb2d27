"""Statistics of the deletion test: how far log-probabilities drop where regions are hidden."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

DRAWS = 1000  # bootstrap samples
Interval = tuple[float, float]
Fill = Literal["mean", "zero"]
FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class LogProbDrop:
    """How far the log-probabilities of words drop under one kind of mask, in nats.

    Attributes:
        mask: which regions are hidden: ``own``, those that the word attends to the most; ``other``,
            those of another word of the same caption; ``moved``, its own shifted to another place
            of the grid, in the same shape; ``random``, scattered ones.
        drop: mean drop over words.
        interval: 95 % interval of ``drop``, by bootstrap over pictures.
        margin: how much larger the drop under ``own`` is; 0 for ``own`` itself.
        margin_interval: 95 % interval of ``margin``.
        won: share of words that drop less than under ``own``.
    """

    mask: str
    drop: float
    interval: Interval
    margin: float
    margin_interval: Interval
    won: float


@dataclass(frozen=True, kw_only=True)
class HiddenShare:
    """Effect of hiding a share of the regions on a selection of words.

    Attributes:
        share: share of the regions that is hidden.
        words: ``all``, or ``content`` for all but function words.
        count: number of words.
        attention: mean share of a word's attention that its own mask hides.
        drops: drop under each mask.
    """

    share: float
    words: str
    count: int
    attention: float
    drops: tuple[LogProbDrop, ...]


@dataclass(frozen=True, kw_only=True)
class DeletionTest:
    """Result of the deletion test.

    Attributes:
        signature: run, weights and search of the captions.
        pictures: number of pictures.
        fill: what replaces hidden regions: the mean region of all pictures, or zeros.
        hidden: results by words and share.
    """

    signature: str
    pictures: int
    fill: Fill
    hidden: tuple[HiddenShare, ...]
    format: int = FORMAT


def aggregate_drops(
    share: float,
    words: str,
    masks: Sequence[str],
    drops: Sequence[Float[np.ndarray, "M _words"]],
    attention: Sequence[Float[np.ndarray, " _words"]],
    selected: Sequence[Bool[np.ndarray, " _words"]],
) -> HiddenShare:
    """Aggregate the drops of the selected words of all pictures.

    Args:
        share: share of the regions that is hidden.
        words: name of the selection.
        masks: names of the masks; the first is ``own``.
        drops: for each picture, the drop by mask and word.
        attention: for each picture's words, the share of attention that the own mask hides.
        selected: for each picture, which words count.
    """
    by_picture = [drop[:, chosen] for drop, chosen in zip(drops, selected, strict=True)]
    hidden = np.concatenate([a[chosen] for a, chosen in zip(attention, selected, strict=True)])
    counts = np.array([drop.shape[1] for drop in by_picture])
    sums = np.array([drop.sum(axis=1) for drop in by_picture])  # (pictures, masks)
    pooled = np.concatenate(by_picture, axis=1)
    return HiddenShare(
        share=share,
        words=words,
        count=len(hidden),
        attention=float(hidden.mean()),
        drops=tuple(
            LogProbDrop(
                mask=name,
                drop=float(pooled[n].mean()),
                interval=_interval(sums[:, n], counts),
                margin=float((pooled[0] - pooled[n]).mean()),
                margin_interval=_interval(sums[:, 0] - sums[:, n], counts),
                won=float((pooled[n] < pooled[0]).mean()),
            )
            for n, name in enumerate(masks)
        ),
    )


def _interval(sums: Float[np.ndarray, " P"], counts: np.ndarray) -> Interval:
    """Bootstrap the mean over words, resampling whole pictures."""
    pictures = len(counts)
    drawn = np.random.default_rng(0).multinomial(pictures, [1 / pictures] * pictures, DRAWS)
    means = (drawn @ sums) / np.maximum(drawn @ counts, 1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
