"""CLIPScore and RefCLIPScore: Hessel et al., "CLIPScore", EMNLP 2021, section 3.

A caption is compared with the picture itself, and with what people said of it, in the space of a
CLIP model. This room knows neither pictures nor torch: the cosines come from outside.
"""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float

from tushuo.metrics.corpus import Corpus

SCALE = 2.5  # w in the paper: brings the usual cosines to about 0 to 1


@final
@dataclass(frozen=True, kw_only=True)
class ClipScore:
    """CLIPScore and RefCLIPScore; the statistics of a picture are both scores.

    Attributes:
        pictures: cosine of each caption and its picture.
        references: cosine of each caption and the reference that is the most like it.
    """

    pictures: Float[np.ndarray, " I"]
    references: Float[np.ndarray, " I"]
    names = ("CLIPScore", "RefCLIPScore")
    total: Literal["sum", "mean"] = "mean"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Scale, and take the harmonic mean of both; less than nothing in common counts as none."""
        seen = SCALE * np.maximum(self.pictures, 0)
        said = np.maximum(self.references, 0)
        both = np.divide(2 * seen * said, seen + said, out=np.zeros_like(seen), where=said > 0)
        return np.stack([seen, both], axis=1)

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Return both scores themselves."""
        return statistics
