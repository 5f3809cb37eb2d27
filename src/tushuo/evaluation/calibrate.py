"""Teach a run how sure it may be: a logistic regression, fitted on one half of a split.

The other half tells how far it can be trusted. Both halves tell what familiar pictures look like
(familiar.py). What counts as fitting needs no person at hand: the
captions that people gave. A caption fits where its CIDEr-D is at least ``level``, which
``PEOPLE_ABOVE`` of people's own captions reach, each against the others of its picture. All CIDEr
here weighs words by one table, the frequencies in the whole split's captions.

This is agreement with a few people, not truth: a true caption of what none of them mentioned does
not fit, and one that says the common thing in common words may fit with a wrong detail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from tushuo.captioning.native import NativeCaptioner
from tushuo.data.record import Record
from tushuo.errors import DataError
from tushuo.evaluation.evaluate import caption_each
from tushuo.features.regions import Regions
from tushuo.metrics.cider import Cider, frequencies_of
from tushuo.metrics.document_frequencies import DocumentFrequencies
from tushuo.metrics.reliability import auroc, reliability
from tushuo.metrics.score import corpus_of
from tushuo.runtime import Progress, sha256
from tushuo.search.config import SearchConfig
from tushuo.trust.confidence import FEATURES, Calibration, features
from tushuo.trust.familiarity import Familiarity, pooled_features

PEOPLE_ABOVE = 0.75  # share of people's captions that fit
FEWEST = 40  # pictures
FOLDS = 5
RIDGES = (0.1, 1.0, 10.0, 100.0)
NEWTON_STEPS = 30
Spoken = Mapping[str, Sequence[str]]


def calibrate(
    captioner: NativeCaptioner,
    records: Sequence[Record],
    regions: Regions,
    *,
    config: SearchConfig | None = None,
    tokenizer: str = "ptb",
    progress: Progress | None = None,
) -> tuple[Calibration, Familiarity]:
    """Caption pictures, fit confidence on half of them, measure it on the other half.

    Which half a picture is in depends on its id alone.

    Returns:
        How sure it may be of this search's captions, and what pictures it knows.

    Raises:
        DataError: there are too few pictures or captions, or all fit, or none.
    """
    glances: list[Float[np.ndarray, "P D"]] = []
    looked = _keeping(regions, glances)
    told = list(caption_each(captioner, records, looked, config=config, progress=progress))
    spoken: Spoken = {str(record.image_id): record.captions for record, _ in told}
    fits, level = _fits([caption.text for _, caption in told], spoken, tokenizer)
    felt = np.array([features(caption.log_probs, caption.attention) for _, caption in told])
    fitted = _half(list(spoken))
    _require_enough(fits, fitted)
    centres, scales = felt[fitted].mean(axis=0), felt[fitted].std(axis=0).clip(1e-6)
    standing = (felt - centres) / scales
    ridge = _ridge(standing[fitted], fits[fitted])
    weights = _logistic(standing[fitted], fits[fitted], ridge)
    stated = _probability(standing[~fitted], weights)
    calibration = Calibration(
        signature=captioner.signature(config),
        tokenizer=tokenizer,
        level=level,
        centres=tuple(centres.tolist()),
        scales=tuple(scales.tolist()),
        weights=tuple(weights[1:].tolist()),
        bias=float(weights[0]),
        ridge=ridge,
        pictures=int(fitted.sum()),
        alone={
            name: auroc(of, fits[~fitted])
            for name, of in zip(FEATURES, felt[~fitted].T, strict=True)
        },
        held_out=reliability(stated, fits[~fitted]),
    )
    encoder = captioner.encoder.spec.signature
    return calibration, Familiarity.fit(np.concatenate(glances), fitted, signature=encoder)


def _keeping(regions: Regions, glances: list[Float[np.ndarray, "P D"]]) -> Regions:
    """Keep the glances of pictures that are read, so that none is looked at twice."""

    def read(rows: Sequence[int], views: Sequence[int] | None = None) -> Float[Tensor, "P R D"]:
        found = regions.read(rows, views)
        glances.append(pooled_features(found))
        return found

    return replace(regions, read=read)


def _fits(
    texts: Sequence[str], spoken: Spoken, tokenizer: str
) -> tuple[Bool[np.ndarray, " P"], float]:
    """Say which captions fit, and the CIDEr from which one does."""
    several = {name: captions for name, captions in spoken.items() if len(captions) > 1}
    if len(several) < FEWEST:
        raise DataError(
            f"{len(several)} pictures have two captions or more, at least {FEWEST} are needed to "
            "know how well people agree; calibrate on more, or with another --split"
        )
    said = dict(zip(spoken, texts, strict=True))
    weights = frequencies_of(corpus_of(said, spoken, tokenizer), tokenizer=tokenizer)
    people = []
    for number in range(max(map(len, several.values()))):
        own = {name: all[number] for name, all in several.items() if len(all) > number}
        others = {name: _without(several[name], number) for name in own}
        people.append(_cider(own, others, weights))
    level = float(np.quantile(np.concatenate(people), 1 - PEOPLE_ABOVE))
    return _cider(said, spoken, weights) >= level, level


def _without(captions: Sequence[str], number: int) -> list[str]:
    return [*captions[:number], *captions[number + 1 :]]


def _cider(
    hypotheses: dict[str, str], references: Spoken, weights: DocumentFrequencies
) -> Float[np.ndarray, " P"]:
    corpus = corpus_of(hypotheses, references, weights.tokenizer, frequencies=weights)
    return Cider().statistics(corpus)[:, 0]


def _half(names: Sequence[str]) -> Bool[np.ndarray, " P"]:
    """Return which pictures to fit on: every second one, in an order without meaning."""
    ordered = sorted(range(len(names)), key=lambda place: sha256(names[place].encode()))
    chosen = np.zeros(len(names), bool)
    chosen[ordered[::2]] = True
    return chosen


def _require_enough(fits: Bool[np.ndarray, " P"], fitted: Bool[np.ndarray, " P"]) -> None:
    if any(part.all() or not part.any() for part in (fits[fitted], fits[~fitted])):
        raise DataError(
            f"{int(fits.sum())} of {len(fits)} captions fit their pictures, and both kinds are "
            "needed in both halves; train longer, or calibrate on more pictures"
        )


def _ridge(standing: Float[np.ndarray, "P F"], fits: Bool[np.ndarray, " P"]) -> float:
    """Return the ridge with the least loss on what was left out, over folds."""
    fold = np.arange(len(fits)) % FOLDS

    def loss(ridge: float) -> float:
        """Fit without each fold in turn, and add up the log-loss on it."""
        total = 0.0
        for part in range(FOLDS):
            weights = _logistic(standing[fold != part], fits[fold != part], ridge)
            stated = _probability(standing[fold == part], weights)
            total -= np.log(np.where(fits[fold == part], stated, 1 - stated)).sum()
        return total

    return min(RIDGES, key=loss)


def _logistic(
    standing: Float[np.ndarray, "P F"], fits: Bool[np.ndarray, " P"], ridge: float
) -> Float[np.ndarray, " G"]:
    """Fit by Newton's steps; the bias, which stands first, is free."""
    seen = np.column_stack([np.ones(len(standing)), standing])
    held = np.diag([1e-9, *[ridge] * standing.shape[1]])
    weights = np.zeros(seen.shape[1])
    for _ in range(NEWTON_STEPS):
        stated = _probability(standing, weights)
        slope = seen.T @ (stated - fits) + held @ weights
        warp_logits = (seen * (stated * (1 - stated))[:, None]).T @ seen + held
        weights = weights - np.linalg.solve(warp_logits, slope)
    return weights


def _probability(
    standing: Float[np.ndarray, "P F"], weights: Float[np.ndarray, " G"]
) -> Float[np.ndarray, " P"]:
    odds = weights[0] + standing @ weights[1:]
    return 1 / (1 + np.exp(-odds.clip(-30, 30)))
