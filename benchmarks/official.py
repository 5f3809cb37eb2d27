"""The official evaluator (pycocoevalcap), for comparison."""

import contextlib
import io
from typing import Any, NamedTuple

import numpy as np

Captions = dict[Any, list[str]]  # by picture, already split into words


class Official(NamedTuple):
    """A metric's scores: of the corpus, and of each picture."""

    corpus: np.ndarray
    pictures: np.ndarray


def official_scores(hypotheses: Captions, references: Captions) -> dict[str, Official]:
    """Return the scores by metric; ``bleu`` has those of each n."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    scores = {}
    for name, metric in {"bleu": Bleu(4), "rouge": Rouge(), "cider": Cider()}.items():
        with contextlib.redirect_stdout(io.StringIO()):
            corpus, pictures = metric.compute_score(references, hypotheses)
        scores[name] = Official(np.atleast_1d(corpus), np.atleast_2d(pictures))
    return scores
