"""The interface of a metric: per-picture statistics, and scores computed from their total."""

from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from tushuo.metrics.corpus import Corpus


@runtime_checkable
class Metric(Protocol):
    """A metric in two steps, so that a bootstrap resamples pictures without recomputing them."""

    @property
    def names(self) -> tuple[str, ...]:
        """The official names of its scores."""
        ...

    @property
    def total(self) -> Literal["sum", "mean"]:
        """How the statistics of pictures are reduced to those of a corpus."""
        ...

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Compute the statistics of each picture."""
        ...

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Compute scores from statistics, row by row; a row is a picture or a whole corpus."""
        ...


def corpus_scores(metric: Metric, statistics: Float[np.ndarray, "I S"]) -> dict[str, float]:
    """Return the scores of a corpus by name."""
    reduce = np.sum if metric.total == "sum" else np.mean
    row = metric.scores(reduce(statistics, axis=0, keepdims=True))[0]
    return dict(zip(metric.names, row.tolist(), strict=True))


def divide_or_zero(
    numerator: Float[np.ndarray, "*X"], denominator: Float[np.ndarray, "*X"]
) -> Float[np.ndarray, "*X"]:
    """Divide elementwise; the result is 0 where the denominator is not positive."""
    zeros = np.zeros_like(numerator)
    return np.divide(numerator, denominator, out=zeros, where=denominator > 0)
