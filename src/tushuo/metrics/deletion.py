"""The deletion test's statistics: how far words fall where regions are hidden (`evidence`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

DRAWS = 1000  # of the bootstrap
Interval = tuple[float, float]
Fill = Literal["mean", "zero"]
FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class LogProbDrop:
    """How far words' log-probabilities fall under one kind of mask, in nats.

    Attributes:
        mask: ``own``, the regions that the word looked at most; ``other``, those of another word of
            the same caption; ``moved``, the own ones moved together to another place of the grid;
            ``random``, scattered ones.
        drop: the mean over words; interval: its 95 % interval, by bootstrap over pictures.
        less: how much less that is than under ``own``, with its interval; of ``own``, 0.
        won: share of words whose fall is less than under ``own``.
    """

    mask: str
    drop: float
    interval: Interval
    margin: float
    margin_interval: Interval
    won: float


@dataclass(frozen=True, kw_only=True)
class HiddenShare:
    """What hiding a share of the regions does to some words.

    Attributes:
        share: of the regions.
        words: ``all``, or those that are not function words (``content``).
        count: how many words.
        attention: mean share of the word's attention that its own mask hides.
        drops: by mask.
    """

    share: float
    words: str
    count: int
    attention: float
    drops: tuple[LogProbDrop, ...]


@dataclass(frozen=True, kw_only=True)
class DeletionTest:
    """The outcome of the test on a number of pictures.

    Attributes:
        signature: run, weights and search whose captions were tested.
        pictures: how many.
        fill: what stood in the place of hidden regions: the mean region of all pictures, or zeros.
        hidden: by words and share.
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
    looked: Sequence[Float[np.ndarray, " _words"]],
    chosen: Sequence[Bool[np.ndarray, " _words"]],
) -> HiddenShare:
    """Put the words of all pictures together.

    Args:
        share: of the regions.
        words: what the chosen words are called.
        masks: names; the first is ``own``.
        drops: of each picture, by mask and word.
        looked: of each picture's words, the share of attention that the own mask hides.
        chosen: of each picture, which words count.
    """
    kept = [of[:, these] for of, these in zip(drops, chosen, strict=True)]
    seen = np.concatenate([of[these] for of, these in zip(looked, chosen, strict=True)])
    counts = np.array([of.shape[1] for of in kept])
    sums = np.array([of.sum(axis=1) for of in kept])  # (pictures, masks)
    every = np.concatenate(kept, axis=1)
    found = tuple(
        LogProbDrop(
            mask=name,
            drop=float(every[n].mean()),
            interval=_interval(sums[:, n], counts),
            margin=float((every[0] - every[n]).mean()),
            margin_interval=_interval(sums[:, 0] - sums[:, n], counts),
            won=float((every[n] < every[0]).mean()),
        )
        for n, name in enumerate(masks)
    )
    return HiddenShare(
        share=share, words=words, count=len(seen), attention=float(seen.mean()), drops=found
    )


def _interval(sums: Float[np.ndarray, " P"], counts: np.ndarray) -> Interval:
    """Bootstrap the mean over words, drawing whole pictures."""
    pictures = len(counts)
    drawn = np.random.default_rng(0).multinomial(pictures, [1 / pictures] * pictures, DRAWS)
    means = (drawn @ sums) / np.maximum(drawn @ counts, 1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
