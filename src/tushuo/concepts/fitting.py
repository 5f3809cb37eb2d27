"""Fit a concept model: learned detectors, and the statistics of the classifier's scores.

Detectors are linear, trained by binary cross-entropy on whether any caption of a picture has the
word. The evidence that is saved beside the model is that of detectors which did not see the picture
(cross-fitting): on the pictures that a detector was trained on, its noise would look too small.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, dropout

from tushuo.concepts.class_words import class_words
from tushuo.concepts.detector import ConceptDetector, aggregate, coarse_regions
from tushuo.concepts.model import ConceptModel, ConceptSettings, empty_detector
from tushuo.concepts.saved_evidence import SavedEvidence
from tushuo.encoders.spec import EncoderSpec
from tushuo.runtime import Progress
from tushuo.text.tokenization import Language

MIN_LEARNED = 20  # training pictures that a learned detector requires
MIN_PICTURES = 40  # training pictures that a word requires
MIN_SHARE, MIN_SHARE_OF_CLASS = 0.00149, 0.00037  # or share of the text's pictures
MIN_COUNT = 5  # of which there must be so many
EPOCHS, BATCH, RATE, DECAY, DROPOUT, WARM_UP = 4, 64, 1e-3, 0.05, 0.3, 50
FOLDS = 3
RECURRENCE = 0.8  # n captions of a picture have the words of n ** RECURRENCE independent ones
READ = 64  # pictures read at once


@dataclass(frozen=True, kw_only=True)
class CaptionedPictures:
    """Training pictures: regions, and the words of their captions.

    Attributes:
        image_ids: image id of each picture.
        read: indices of pictures in, regions out.
        words: the words that the captions of each picture have.
    """

    image_ids: Sequence[int | str]
    read: Callable[[Sequence[int]], Float[Tensor, "P R D"]]
    words: Sequence[set[str]]


@dataclass(frozen=True, kw_only=True)
class FittedConcepts:
    """A model, and its evidence for the training pictures.

    Attributes:
        model: the concept model.
        evidence: that of detectors that did not see the picture.
    """

    model: ConceptModel
    evidence: SavedEvidence

    def save(self, folder: Path) -> None:
        """Write the model, and the evidence beside it."""
        self.evidence.save(folder)
        self.model.save(folder)


def fit_concepts(
    pictures: CaptionedPictures,
    text: Sequence[tuple[set[str], int]],
    spec: EncoderSpec,
    language: Language,
    *,
    progress: Progress | None = None,
) -> FittedConcepts:
    """Fit a concept model.

    Args:
        pictures: the training pictures.
        text: for each captioned picture of any further text, the words of its captions and their
            number; they decide which words are kept, and how usual each is.
        spec: the encoder of the regions.
        language: language of the captions.
        progress: called with the training steps done and all.
    """
    words = choose_words(pictures.words, [words for words, _ in text], language)
    counts = Counter(word for each in pictures.words for word in each)
    learned = [index for index, word in enumerate(words) if counts[word] >= MIN_LEARNED]
    settings = ConceptSettings(
        language=language,
        encoder=spec,
        words=words,
        prior=_prior(words, text or [(each, 5) for each in pictures.words]),
        learned=len(learned),
    )
    coarse, scores = _read_all(empty_detector(settings), pictures, spec)
    present = np.array([[word in each for word in words] for each in pictures.words])
    task = _Task(settings, coarse, scores, present, learned)
    steps = _Steps(progress, (1 + FOLDS) * EPOCHS)
    folds = np.random.default_rng(0).permutation(len(coarse)) % FOLDS  # data may be periodic
    detector = task.train(np.arange(len(coarse)), 0, steps)
    evidence = np.zeros(present.shape, np.float32)
    for fold in range(FOLDS):
        held_out = np.flatnonzero(folds == fold)
        other = task.train(np.flatnonzero(folds != fold), fold + 1, steps)
        evidence[held_out] = task.evidence(other, held_out)
    model = ConceptModel(settings=settings, detector=detector.eval().requires_grad_(False))
    saved = SavedEvidence(
        image_ids=[str(image_id) for image_id in pictures.image_ids],
        evidence=evidence,
        present=present,
    )
    return FittedConcepts(model=model, evidence=saved)


def choose_words(
    pictures: Sequence[set[str]], text: Sequence[set[str]], language: Language
) -> list[str]:
    """Choose the words that captions use often and that a detector or a class can show."""
    in_pictures = Counter(word for words in pictures for word in words)
    in_text = Counter(word for words in text for word in words)
    listed = {word for words in class_words(language) for word in words}
    least, least_of_class = (
        max(MIN_COUNT, share * len(text)) for share in (MIN_SHARE, MIN_SHARE_OF_CLASS)
    )
    usual = {
        word
        for word in in_pictures.keys() | in_text.keys()
        if in_text[word] >= least
        or in_pictures[word] >= MIN_PICTURES
        or (word in listed and in_text[word] + in_pictures[word] >= least_of_class)
    }
    detectable = {word for word in usual if word in listed or in_pictures[word] >= MIN_LEARNED}
    return sorted(word for word in detectable if not word.isdecimal())


def _prior(words: Sequence[str], text: Sequence[tuple[set[str], int]]) -> list[float]:
    """Return each word's log-odds in five captions of a picture, whatever the text has."""
    captions = sum(count for _, count in text) / len(text)
    counts = Counter(word for each, _ in text for word in each)
    shares = np.array([(counts[word] + 0.5) / (len(text) + 1) for word in words])
    shares = 1 - (1 - shares) ** ((5 / captions) ** RECURRENCE)
    return np.log(shares / (1 - shares)).tolist()


def _read_all(
    detector: ConceptDetector, pictures: CaptionedPictures, spec: EncoderSpec
) -> tuple[Float[Tensor, "N G D"], Float[Tensor, "N C"]]:
    """Read coarse regions (as float16) and class scores of all pictures."""
    coarse, scores = [], []
    for start in range(0, len(pictures.words), READ):
        rows = range(start, min(start + READ, len(pictures.words)))
        regions = pictures.read(rows).float()
        with torch.inference_mode():
            scores.append(detector.class_scores(regions)[0])
            coarse.append(coarse_regions(regions, spec.rows, spec.columns).half())
    return torch.cat(coarse).clone(), torch.cat(scores).clone()


class _Steps:
    """Reports epochs done."""

    def __init__(self, progress: Progress | None, total: int):
        self._progress, self._total, self._done = progress, total, 0

    def add(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


@dataclass(frozen=True)
class _Task:
    """Trains detectors on some of the pictures, and computes their evidence for others."""

    settings: ConceptSettings
    coarse: Float[Tensor, "N G D"]
    scores: Float[Tensor, "N C"]
    present: Bool[np.ndarray, "N C"]
    learned: Sequence[int]

    def train(self, pictures: Int[np.ndarray, " n"], seed: int, steps: _Steps) -> ConceptDetector:
        """Train the learned detectors on some pictures."""
        detector = self._untrained(pictures, seed)
        weights = [detector.pooled, detector.bias, detector.regional]
        optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=DECAY)
        targets = torch.from_numpy(self.present[:, list(self.learned)]).float()
        generator = torch.Generator().manual_seed(seed)
        batches = max(1, len(pictures) // BATCH)
        indices = torch.from_numpy(pictures)
        for epoch in range(EPOCHS):
            order = indices[torch.randperm(len(indices), generator=generator)]
            for number, batch in enumerate(order[: batches * BATCH].chunk(batches)):
                done = epoch * batches + number
                rate = RATE * min(1, (done + 1) / WARM_UP)
                for group in optimizer.param_groups:
                    group["lr"] = rate * (1 + np.cos(np.pi * done / (EPOCHS * batches))) / 2
                regions = dropout(self.coarse[batch].float(), DROPOUT)
                logits = aggregate(*detector.detect(regions))
                loss = binary_cross_entropy_with_logits(logits, targets[batch])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            steps.add()
        return detector

    def evidence(
        self, detector: ConceptDetector, pictures: Int[np.ndarray, " n"]
    ) -> Float[np.ndarray, "N C"]:
        """Return a detector's evidence for some pictures."""
        parts = []
        for batch in torch.split(torch.from_numpy(pictures), READ):
            with torch.inference_mode():
                logits = aggregate(*detector.detect(self.coarse[batch].float()))
                parts.append(detector.combine(self.scores[batch], logits).numpy())
        return np.concatenate(parts)

    def _untrained(self, pictures: Int[np.ndarray, " n"], seed: int) -> ConceptDetector:
        """Build a detector with the statistics of these pictures."""
        torch.manual_seed(seed)
        detector = empty_detector(self.settings)
        means = torch.stack([self.coarse[index].float().mean(0) for index in pictures])
        present = torch.from_numpy(self.present[pictures]).float()
        shares = present[:, list(self.learned)].mean(0).clamp(1e-3, 1 - 1e-3)
        detector.mean.copy_(means.mean(0))
        detector.deviation.copy_(means.std(0) + 1e-3)
        detector.usual.copy_(self.scores[pictures].mean(0))
        detector.counts.copy_(present.sum(0))
        detector.base.copy_(shares.logit())
        detector.learned.copy_(torch.tensor(self.learned))
        detector.bias.data.copy_(detector.base)
        return detector
