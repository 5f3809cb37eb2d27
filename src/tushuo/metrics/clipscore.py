"""Captions compared with pictures: CLIPScore of Hessel et al., EMNLP 2021, section 3; cosines.

A caption is compared with its picture, and with the references, in the embedding space of a
CLIP or SigLIP model. The cosine similarities are computed elsewhere, so this package needs neither
pictures nor torch.
"""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float

from tushuo.metrics.base import divide_or_zero
from tushuo.metrics.corpus import Corpus

SCALE = 2.5  # w in the paper: brings the usual cosines to about 0 to 1


@final
@dataclass(frozen=True, kw_only=True)
class ClipScore:
    """CLIPScore and RefCLIPScore; the statistics of a picture are both scores.

    Attributes:
        pictures: cosine similarity of each caption and its picture.
        references: highest cosine similarity of each caption and one of its references.
    """

    pictures: Float[np.ndarray, " I"]
    references: Float[np.ndarray, " I"]
    names = ("CLIPScore", "RefCLIPScore")
    total: Literal["sum", "mean"] = "mean"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Scale the first cosine, and take the harmonic mean of both; negative cosines count 0."""
        score = SCALE * np.maximum(self.pictures, 0)
        reference = np.maximum(self.references, 0)
        return np.stack([score, divide_or_zero(2 * score * reference, score + reference)], axis=1)

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Return the statistics, which are the scores."""
        return statistics


@final
@dataclass(frozen=True, kw_only=True)
class SiglipCosine:
    """Cosine similarities by a SigLIP model, as they are; CLIPScore's scale is for CLIP's cosines.

    Those of captions that do not fit are often negative, so that counting them 0 would hide how
    far off a caption is.

    Attributes:
        pictures: cosine similarity of each caption and its picture.
        references: highest cosine similarity of each caption and one of its references.
    """

    pictures: Float[np.ndarray, " I"]
    references: Float[np.ndarray, " I"]
    names = ("SigLIPCosine", "RefSigLIPCosine")
    total: Literal["sum", "mean"] = "mean"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Return both cosines of each picture."""
        return np.stack([self.pictures, self.references], axis=1)

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Return the statistics, which are the scores."""
        return statistics
