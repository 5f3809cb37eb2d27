"""Two sets of captions of the same pictures: is the difference more than chance?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tushuo.metrics.base import Metric
from tushuo.metrics.document_frequencies import DocumentFrequencies
from tushuo.metrics.read import require_same_pictures
from tushuo.metrics.score import (
    CONFIDENCE,
    METRICS,
    QUICK,
    SAMPLES,
    corpus_of,
    require_english,
    untold,
)
from tushuo.signatures import differences


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The first set's score less the second's.

    Attributes:
        first, second: the scores.
        interval: of the difference, by a paired bootstrap: both sets on the same drawn pictures.
        p: share of random swaps, picture by picture, whose difference is at least as large; one is
            added above and below, so that it is never 0.
        wins, losses: pictures on which the first set scores higher, or lower.
    """

    first: float
    second: float
    interval: tuple[float, float]
    p: float
    wins: int
    losses: int


def compare(
    first: Mapping[str, str],
    second: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    *,
    tokenizer: str = "ptb",
    metrics: Sequence[str] = QUICK,
    frequencies: DocumentFrequencies | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, Difference | None]:
    """Compare two sets of captions, metric by metric; None where `score` tells no score.

    Koehn, "Statistical Significance Tests for Machine Translation Evaluation", EMNLP 2004 (paired
    bootstrap); Riezler, Maxwell, "On Some Pitfalls in Automatic Evaluation and Significance Testing
    for MT", 2005 (random swaps).

    Raises:
        DataError: the three are not of the same pictures.
        SignatureError: the document frequencies are of another tokenizer.
        SettingError: a metric that knows English alone, and words of another language.
    """
    require_english(metrics, tokenizer)
    require_same_pictures(first, references)
    require_same_pictures(second, references)
    found: dict[str, Difference | None] = {}
    pair = [
        corpus_of(captions, references, tokenizer, frequencies=frequencies)
        for captions in (first, second)
    ]
    for metric in (METRICS[name]() for name in metrics):
        statistics = np.stack([metric.statistics(corpus) for corpus in pair])
        found |= _differences(metric, statistics, samples, np.random.default_rng(seed))
    return found | dict.fromkeys(untold(len(references), frequencies))


def incomparable(signatures: Mapping[str, str | None], wanted: str) -> str | None:
    """Say where scores were made otherwise than ``wanted``; None where all can be compared.

    What made the captions (run, search) may differ: that is what is compared.

    Args:
        signatures: by the name of their file; None for captions that were not scored yet.
        wanted: of these references, tokenizer and document frequencies.
    """
    matter = [part.split(":", 1)[0] for part in wanted.split("|")]
    told = []
    for name, own in signatures.items():
        parts = [part for part in (own or wanted).split("|") if part.split(":", 1)[0] in matter]
        found = differences("|".join(parts), wanted)
        told += [f"{name} differs in {'; '.join(found)} here"] if found else []
    return " and ".join(told) or None


def _differences(
    metric: Metric, pair: np.ndarray, samples: int, draw: np.random.Generator
) -> dict[str, Difference]:
    """Compare the statistics (2, pictures, S) of one metric."""
    images = pair.shape[1]
    scale = 1 if metric.total == "sum" else 1 / images
    own = metric.scores(pair.sum(axis=1) * scale)
    difference = own[0] - own[1]
    drawn: list[np.ndarray] = []
    swapped: list[np.ndarray] = []
    for _ in range(samples):
        counts = np.bincount(draw.integers(images, size=images), minlength=images)
        drawn.append(np.subtract(*metric.scores(counts @ pair * scale)))
        swap = draw.integers(2, size=(images, 1))
        both = np.where(swap, pair[::-1], pair).sum(axis=1) * scale
        swapped.append(np.subtract(*metric.scores(both)))
    low, high = np.percentile(drawn, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)], axis=0)
    # a hair's breadth: the same sums in another order must count as equal
    extreme = np.sum(np.abs(np.stack(swapped)) >= np.abs(difference) - 1e-12, axis=0)
    single = [metric.scores(one) for one in pair]
    return {
        name: Difference(
            first=float(own[0, place]),
            second=float(own[1, place]),
            interval=(float(low[place]), float(high[place])),
            p=float((extreme[place] + 1) / (samples + 1)),
            wins=int((single[0][:, place] > single[1][:, place]).sum()),
            losses=int((single[0][:, place] < single[1][:, place]).sum()),
        )
        for place, name in enumerate(metric.names)
    }
