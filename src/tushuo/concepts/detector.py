"""What a picture shows, as words with probabilities: evidence from an encoder's regions.

Two sources are combined. The encoder's own ImageNet classifier, applied to the mean region and to
each region, gives the words that class_words.py lists for the classes. Detectors learned from
captioned pictures (`concepts.fitting`) give the words that these captions use often. Evidence is
the log-likelihood ratio between "captions of this picture have the word" and "they do not"; added
to the prior log-odds of a word, it gives the posterior ones.

The region detectors aggregate by log-mean-exp, as multiple-instance learning does in Fang et al.,
"From Captions to Visual Concepts and Back", CVPR 2015, section 3; theirs is a noisy-or.
"""

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, linear

from tushuo.concepts.class_words import CLASSES

SHARPNESS = 1.5  # factor of the logits of the mean region, which are too even on larger pictures
FLOOR = 1e-5  # of the probability of a word's classes
GRID = 5  # rows and columns that learned detectors see
MAX_EVIDENCE = 12.0  # nats, of one source
REGIONAL_SCALE = 3.0  # regions deviate so much more than their means
INITIAL_DEVIATION = 0.002  # of the weights of regional detectors
HALF_TRUST = 150  # pictures with a word in their captions at which its detector counts half

# Chosen on MS-COCO photographs that are not reported on (docs/concepts.md). A learned detector
# counts more the more pictures it was trained on; the classifier counts less where there is one.
LEARNED, LEARNED_OFTEN = 0.67, 0.43
CLASSIFIED, CLASSIFIED_BESIDE_LEARNED = 0.28, -0.17
CLASSIFIED_CLEARLY, CLEARLY = 0.10, 3.0  # additional factor of evidence beyond so many nats
CONSTANT = -0.43


@dataclass(frozen=True)
class Evidence:
    """Evidence for each word in each picture.

    Attributes:
        log_ratios: nats for (above 0) or against (below 0) a word.
        cells: cell of the picture's grid where most of the evidence for a word lies.
    """

    log_ratios: Float[Tensor, "P C"]
    cells: Int[Tensor, "P C"]


@final
class ConceptDetector(nn.Module):
    """Evidence for words from the regions of an encoder with an ImageNet classifier.

    Args:
        width: features per region (D).
        words: number of words (C).
        learned: number of words that have a learned detector (U).

    Attributes:
        classifier: the encoder's, from features to the logits of ImageNet classes.
        listed: which classes a word is listed for.
        usual: mean of the classifier's log-scores of a word on the training pictures.
        pooled, bias, regional: the learned detectors, of the mean region and of each region.
        mean, deviation: of the features of mean regions of the training pictures.
        learned: index of the word of each learned detector.
        counts: number of training pictures with a word in their captions.
        base: log-odds of the words of learned detectors among the training pictures.
    """

    def __init__(self, *, width: int, words: int, learned: int):
        super().__init__()
        self.classifier = nn.Linear(width, CLASSES)
        self.pooled = nn.Parameter(torch.zeros(learned, width))
        self.bias = nn.Parameter(torch.zeros(learned))
        self.regional = nn.Parameter(torch.randn(learned, width) * INITIAL_DEVIATION)
        for name, size in {"usual": words, "counts": words, "base": learned, "mean": width}.items():
            self.register_buffer(name, torch.zeros(size))
        self.register_buffer("deviation", torch.ones(width))
        self.register_buffer("learned", torch.zeros(learned, dtype=torch.long))
        self.register_buffer("listed", torch.zeros(CLASSES, words))
        self.usual: Tensor
        self.counts: Tensor
        self.base: Tensor
        self.mean: Tensor
        self.deviation: Tensor
        self.learned: Tensor
        self.listed: Tensor

    def forward(self, regions: Float[Tensor, "P R D"], rows: int, columns: int) -> Evidence:
        """Return the evidence for each word; regions form a grid of rows and columns."""
        scores, class_cells = self.class_scores(regions)
        pooled, regional = self.detect(coarse_regions(regions, rows, columns))
        log_ratios = self.combine(scores, aggregate(pooled, regional))
        cells = class_cells.index_copy(1, self.learned, fine_cells(regional, rows, columns))
        return Evidence(log_ratios, cells)

    def combine(
        self, scores: Float[Tensor, "P C"], logits: Float[Tensor, "P U"]
    ) -> Float[Tensor, "P C"]:
        """Combine the classifier's scores and the learned detectors' logits as evidence."""
        limit = MAX_EVIDENCE
        classified = ((scores - self.usual) * self.listed.amax(0)).clamp(-limit, limit)
        detected = (logits - self.base).clamp(-limit, limit)
        trust = (self.counts / (self.counts + HALF_TRUST))[self.learned]
        has_detector = torch.zeros_like(self.usual).index_fill(0, self.learned, 1.0)
        factor = CLASSIFIED + CLASSIFIED_BESIDE_LEARNED * has_detector
        clearly = CLASSIFIED_CLEARLY * (classified - CLEARLY).clamp_min(0)
        log_ratios = CONSTANT + factor * classified + clearly
        return log_ratios.index_add(1, self.learned, detected * (LEARNED + LEARNED_OFTEN * trust))

    def class_scores(
        self, regions: Float[Tensor, "P R D"]
    ) -> tuple[Float[Tensor, "P C"], Int[Tensor, "P C"]]:
        """Return the classifier's log-scores of the words, and the cell of the highest.

        A score is the sum of two log-probabilities of a word's classes: those of the mean region,
        and the sum over classes of the highest in any region.
        """
        mean = (self.classifier(regions.mean(1)) * SHARPNESS).softmax(-1)
        each = self.classifier(regions).softmax(-1)
        highest = each.amax(1)
        scores = (mean @ self.listed + FLOOR).log() + (highest @ self.listed + FLOOR).log()
        return scores, (each @ self.listed).argmax(1)

    def detect(
        self, regions: Float[Tensor, "P G D"]
    ) -> tuple[Float[Tensor, "P U"], Float[Tensor, "P G U"]]:
        """Return the logits of the learned detectors: of the mean region, and of each region."""
        centred = (regions - self.mean) / self.deviation
        pooled = linear(centred.mean(1), self.pooled, self.bias)
        return pooled, linear(centred / REGIONAL_SCALE, self.regional)


def aggregate(
    pooled: Float[Tensor, "P U"], regional: Float[Tensor, "P G U"]
) -> Float[Tensor, "P U"]:
    """Add the log-mean-exp over regions to the logits of the mean region."""
    return pooled + regional.logsumexp(1) - math.log(regional.shape[1])


def coarse_regions(
    regions: Float[Tensor, "P R D"], rows: int, columns: int
) -> Float[Tensor, "P G D"]:
    """Average regions over a grid of ``GRID`` rows and columns."""
    P, _, D = regions.shape
    grid = regions.transpose(1, 2).reshape(P, D, rows, columns)
    return adaptive_avg_pool2d(grid, GRID).flatten(2).transpose(1, 2)


def fine_cells(regional: Float[Tensor, "P G U"], rows: int, columns: int) -> Int[Tensor, "P U"]:
    """Return the cell, in the encoder's grid, at the centre of each detector's strongest region."""
    best = regional.argmax(1)
    row = (2 * (best // GRID) + 1) * rows // (2 * GRID)
    column = (2 * (best % GRID) + 1) * columns // (2 * GRID)
    return row * columns + column
