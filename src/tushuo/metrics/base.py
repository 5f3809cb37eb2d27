"""What a metric is: numbers of each picture, and a way from their total to scores."""

from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from tushuo.metrics.corpus import Corpus


@runtime_checkable
class Metric(Protocol):
    """A metric in two steps, so that a bootstrap draws pictures anew without a second pass."""

    @property
    def names(self) -> tuple[str, ...]:
        """The official names of its scores."""
        ...

    @property
    def total(self) -> Literal["sum", "mean"]:
        """How the pictures' statistics become the corpus'."""
        ...

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Count or compare, picture by picture."""
        ...

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Turn statistics into scores: each row on its own, of one picture or of a corpus."""
        ...


def corpus_scores(metric: Metric, statistics: Float[np.ndarray, "I S"]) -> dict[str, float]:
    """Return a corpus' scores by name."""
    reduce = np.sum if metric.total == "sum" else np.mean
    row = metric.scores(reduce(statistics, axis=0, keepdims=True))[0]
    return dict(zip(metric.names, row.tolist(), strict=True))
