"""Evidence for captions without pictures: what a detector might have found in theirs.

Half of the evidence is drawn as for a real picture with, or without, each word in its captions: the
mean of such pictures, the separation between both times a random factor, and the residual of one
real picture for all words together, so that errors occur in company, as those of detectors do. The
other half is exact: for the words that captions have, and against all others.

Training with exact words is the idea of Feng et al., "Unsupervised Image Captioning", CVPR 2019,
section 3; the noise is ours. A decoder that is trained on exact evidence alone believes every word
that it reads, and a detector errs; one that is trained on noise alone says too little of what it
reads (docs/results.md has all three).
"""

from typing import final

import numpy as np
from jaxtyping import Bool, Float

from tushuo.concepts.saved_evidence import SavedEvidence

FACTORS = 0.2, 1.4  # lowest and highest of the separation's random factor
EXACT_SHARE, EXACT = 0.5, 6.0  # of the captions; nats for and against a word
SHRINKAGE = 15  # pictures with a word at which its own separation counts half


@final
class EvidenceSimulator:
    """Draws evidence for sets of words.

    Args:
        saved: evidence of real pictures, from detectors that did not see them.
        of_class: which words an ImageNet class lists. Words without pictures are of these, and
            have the mean separation of these.

    Attributes:
        base: log-odds of each word in the captions of these pictures.
        separation: how much higher the evidence for a word is in pictures that have it.
    """

    def __init__(self, saved: SavedEvidence, of_class: Bool[np.ndarray, " C"]):
        evidence, present = saved.evidence, saved.present
        counts = present.sum(0)
        shares = (counts + 0.5) / (len(present) + 1)
        self.base = np.log(shares / (1 - shares)).astype(np.float32)
        absent = np.where(present, 0, evidence).sum(0) / np.maximum(len(present) - counts, 1)
        with_word = np.where(present, evidence, 0).sum(0) / np.maximum(counts, 1)
        own = np.where(counts > 0, with_word - absent, 0)
        usual = np.average(own, weights=np.sqrt(counts) * of_class + 1e-9)
        self._absent = absent.astype(np.float32)
        self.separation = ((own * counts + usual * SHRINKAGE) / (counts + SHRINKAGE)).astype(
            np.float32
        )
        mean = absent + np.where(present, own, 0)
        self._residuals = (evidence - mean).astype(np.float16)

    def draw(
        self, present: Bool[np.ndarray, "P C"], generator: np.random.Generator
    ) -> Float[np.ndarray, "P C"]:
        """Draw log-likelihood ratios for captions that have these words."""
        factors = generator.uniform(*FACTORS, size=present.shape).astype(np.float32)
        picture = generator.integers(len(self._residuals), size=len(present))
        support = np.where(present, self.separation * factors, 0)
        drawn = self._absent + support + self._residuals[picture].astype(np.float32)
        exact = generator.random(size=(len(present), 1)) < EXACT_SHARE
        return np.where(exact, np.where(present, EXACT, -EXACT), drawn).astype(np.float32)
