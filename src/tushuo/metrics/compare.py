"""Compare two sets of captions of the same pictures: is the difference more than chance?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tushuo.metrics.base import Metric
from tushuo.metrics.document_frequencies import DocumentFrequencies
from tushuo.metrics.picture_ids import require_same_pictures
from tushuo.metrics.score import (
    CHOSEN_BY,
    CONFIDENCE,
    METRICS,
    QUICK,
    SAMPLES,
    choose_tokenizer,
    corpus_of,
    require_english,
    undefined_scores,
)
from tushuo.signatures import differences, only


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Difference of one score between two sets of captions, the first minus the second.

    Attributes:
        first, second: the scores.
        interval: of the difference, by a paired bootstrap: both sets on the same resampled
            pictures.
        p: p-value of a permutation test: share of random permutations, each of which exchanges the
            two captions of randomly chosen pictures, whose difference is at least as large; one is
            added to both counts, so that it is never 0.
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
    tokenizer: str | None = None,
    metrics: Sequence[str] = QUICK,
    frequencies: DocumentFrequencies | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, Difference | None]:
    """Compare two sets of captions by each score; None where `score` leaves it undefined.

    Koehn, "Statistical Significance Tests for Machine Translation Evaluation", EMNLP 2004 (paired
    bootstrap); Riezler, Maxwell, "On Some Pitfalls in Automatic Evaluation and Significance Testing
    for MT", 2005 (permutation test, there called approximate randomization).

    The tokenizer is chosen by the text of the references where none is given.

    Raises:
        DataError: the pictures of the three differ.
        SignatureError: the document frequencies were counted with another tokenizer.
        SettingError: a metric for English only, with a tokenizer for another language.
    """
    tokenizer = tokenizer or choose_tokenizer(references)
    require_english(metrics, tokenizer)
    require_same_pictures(first, references)
    require_same_pictures(second, references)
    pair = [
        corpus_of(captions, references, tokenizer, frequencies=frequencies)
        for captions in (first, second)
    ]
    results: dict[str, Difference | None] = {}
    for metric in (METRICS[name]() for name in metrics):
        statistics = np.stack([metric.statistics(corpus) for corpus in pair])
        results |= _differences(metric, statistics, samples, np.random.default_rng(seed))
    return results | dict.fromkeys(undefined_scores(len(references), frequencies))


def incomparable(signatures: Mapping[str, str | None], expected: str) -> str | None:
    """Describe which scores cannot be compared; None where all can.

    The origin of the captions (run, search) may differ, since it is what is compared.

    Args:
        signatures: signature by name of the file; None for captions without scores.
        expected: signature for these references, tokenizer and document frequencies.
    """
    fields = {part.split(":", 1)[0] for part in expected.split("|")} - {CHOSEN_BY}
    expected = only(fields, expected)
    messages = []
    for name, own in signatures.items():
        changed = differences(only(fields, own or expected), expected)
        messages += [f"{name} differs in {'; '.join(changed)} here"] if changed else []
    return " and ".join(messages) or None


def _differences(
    metric: Metric, pair: np.ndarray, samples: int, draw: np.random.Generator
) -> dict[str, Difference]:
    """Compare the statistics (2, pictures, S) of one metric."""
    images = pair.shape[1]
    scale = 1 if metric.total == "sum" else 1 / images
    totals = metric.scores(pair.sum(axis=1) * scale)
    difference = totals[0] - totals[1]
    resampled: list[np.ndarray] = []
    swapped: list[np.ndarray] = []
    for _ in range(samples):
        counts = np.bincount(draw.integers(images, size=images), minlength=images)
        resampled.append(np.subtract(*metric.scores(counts @ pair * scale)))
        swap = draw.integers(2, size=(images, 1))
        exchanged = np.where(swap, pair[::-1], pair).sum(axis=1) * scale
        swapped.append(np.subtract(*metric.scores(exchanged)))
    low, high = np.percentile(resampled, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)], axis=0)
    # with a tolerance: equal sums in another order must count as equal
    extreme = np.sum(np.abs(np.stack(swapped)) >= np.abs(difference) - 1e-12, axis=0)
    first, second = (metric.scores(statistics) for statistics in pair)
    return {
        name: Difference(
            first=float(totals[0, k]),
            second=float(totals[1, k]),
            interval=(float(low[k]), float(high[k])),
            p=float((extreme[k] + 1) / (samples + 1)),
            wins=int((first[:, k] > second[:, k]).sum()),
            losses=int((first[:, k] < second[:, k]).sum()),
        )
        for k, name in enumerate(metric.names)
    }
