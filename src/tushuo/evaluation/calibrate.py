"""Fit how far captions and pictures can be trusted.

Confidence is a logistic regression, fitted on one half of a split and measured on the other; both
halves fit familiarity (`trust.familiarity`). What counts as a fitting caption needs no annotation
beyond the references: a caption fits where its CIDEr-D is at least ``level``, which
``HUMAN_SHARE`` of the references reach, each against the others of its picture. Every CIDEr here
uses the same document frequencies, those of the whole split's references.

This measures agreement with a few people, not truth: a true caption of what none of them mentioned
does not fit, and a common caption may fit in spite of a wrong detail.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from tushuo.captioning.batching import caption_all
from tushuo.captioning.caption import Caption
from tushuo.captioning.captioner import Captioner
from tushuo.data.record import Record
from tushuo.errors import DataError, PictureError
from tushuo.evaluation.captioning import caption_records
from tushuo.features.regions import Regions
from tushuo.metrics.cider import Cider, frequencies_of
from tushuo.metrics.document_frequencies import DocumentFrequencies
from tushuo.metrics.reliability import auroc, reliability
from tushuo.metrics.score import corpus_of
from tushuo.runtime import Progress, sha256
from tushuo.search.config import SearchConfig
from tushuo.trust.confidence import FEATURES, Calibration, features
from tushuo.trust.familiarity import Familiarity

HUMAN_SHARE = 0.75  # share of the references that count as fitting
MIN_PICTURES = 40
FOLDS = 5
FAST = SearchConfig(search="greedy", max_words=1)  # where captions do not matter
RIDGES = (0.1, 1.0, 10.0, 100.0)
NEWTON_STEPS = 30
References = Mapping[str, Sequence[str]]


def calibrate(
    captioner: Captioner,
    records: Sequence[Record],
    regions: Regions | None = None,
    *,
    config: SearchConfig | None = None,
    tokenizer: str = "ptb",
    pictures: Sequence[Path] = (),
    progress: Progress | None = None,
) -> tuple[Calibration, Familiarity | None]:
    """Caption pictures, fit confidence on half of them, and measure it on the other half.

    Which half a picture belongs to depends on its id alone.

    Args:
        captioner: any captioner whose captions carry log-probabilities.
        records: pictures with references that the captioner was not trained on.
        regions: their regions; None: open the pictures.
        config: search of the captions; None: the captioner's default.
        tokenizer: tokenizer of CIDEr.
        pictures: further pictures of the same kind, without references, which count for familiarity
            only; those that cannot be opened are left out.
        progress: called with the pictures captioned so far and their total.

    Returns:
        The confidence of this search's captions, and the familiarity of pictures where captions
        carry features.

    Raises:
        DataError: there are too few pictures or references, or all captions fit, or none.
    """
    captions = _captions(captioner, records, regions, config, progress)
    references: References = {str(record.image_id): record.captions for record, _ in captions}
    fits, level = _fitting([caption.text for _, caption in captions], references, tokenizer)
    statistics = np.array([_statistics(caption) for _, caption in captions])
    in_fit = _half(list(references))
    _require_enough(fits, in_fit)
    centres, scales = statistics[in_fit].mean(axis=0), statistics[in_fit].std(axis=0).clip(1e-6)
    standardised = (statistics - centres) / scales
    ridge = _choose_ridge(standardised[in_fit], fits[in_fit])
    weights = _fit_logistic(standardised[in_fit], fits[in_fit], ridge)
    held_out = _probability(standardised[~in_fit], weights)
    calibration = Calibration(
        signature=captioner.signature(config),
        tokenizer=tokenizer,
        level=level,
        centres=tuple(centres.tolist()),
        scales=tuple(scales.tolist()),
        weights=tuple(weights[1:].tolist()),
        bias=float(weights[0]),
        ridge=ridge,
        pictures=int(in_fit.sum()),
        alone={
            name: auroc(values, fits[~in_fit])
            for name, values in zip(FEATURES, statistics[~in_fit].T, strict=False)
        },
        held_out=reliability(held_out, fits[~in_fit]),
    )
    names = [*references, *(str(path) for path in pictures)]
    further = caption_all(captioner, pictures, lambda path: path, config=FAST)
    opened = [caption for _, caption in captions]
    opened += [caption for _, caption in further if not isinstance(caption, PictureError)]
    return calibration, _fit_familiarity(captioner, opened, _half(names[: len(opened)]))


def _captions(
    captioner: Captioner,
    records: Sequence[Record],
    regions: Regions | None,
    config: SearchConfig | None,
    progress: Progress | None,
) -> list[tuple[Record, Caption]]:
    captions = caption_records(captioner, records, regions, config=config, progress=progress)
    return [(r, caption) for r, caption in captions if not isinstance(caption, PictureError)]


def _statistics(caption: Caption) -> Float[np.ndarray, " F"]:
    if not caption.log_probs:
        raise DataError(
            "this captioner gives no log-probabilities, from which confidence is computed; "
            "calibrate another one"
        )
    return features(caption.log_probs, caption.attention, caption.content_evidence)


def _fit_familiarity(
    captioner: Captioner, captions: Sequence[Caption], in_fit: Bool[np.ndarray, " P"]
) -> Familiarity | None:
    pooled = [caption.features for caption in captions if caption.features is not None]
    encoder = captioner.info.encoder
    if encoder is None or len(pooled) < len(captions):
        return None
    return Familiarity.fit(np.stack(pooled), in_fit, signature=encoder)


def _fitting(
    captions: Sequence[str], references: References, tokenizer: str
) -> tuple[Bool[np.ndarray, " P"], float]:
    """Return which captions fit, and the CIDEr from which one does."""
    several = {name: texts for name, texts in references.items() if len(texts) > 1}
    if len(several) < MIN_PICTURES:
        raise DataError(
            f"{len(several)} pictures have two captions or more, at least {MIN_PICTURES} are "
            "required to measure how well people agree; calibrate on more pictures, or with "
            "another --split"
        )
    hypotheses = dict(zip(references, captions, strict=True))
    corpus = corpus_of(hypotheses, references, tokenizer)
    frequencies = frequencies_of(corpus, tokenizer=tokenizer)
    human_scores = []
    for number in range(max(map(len, several.values()))):
        held_out = {name: texts[number] for name, texts in several.items() if len(texts) > number}
        others = {name: _without(several[name], number) for name in held_out}
        human_scores.append(_cider(held_out, others, frequencies))
    level = float(np.quantile(np.concatenate(human_scores), 1 - HUMAN_SHARE))
    return _cider(hypotheses, references, frequencies) >= level, level


def _without(captions: Sequence[str], number: int) -> list[str]:
    return [*captions[:number], *captions[number + 1 :]]


def _cider(
    hypotheses: dict[str, str], references: References, frequencies: DocumentFrequencies
) -> Float[np.ndarray, " P"]:
    corpus = corpus_of(hypotheses, references, frequencies.tokenizer, frequencies=frequencies)
    return Cider().statistics(corpus)[:, 0]


def _half(names: Sequence[str]) -> Bool[np.ndarray, " P"]:
    """Return which pictures to fit on: every second one, ordered by the hash of its id."""
    ordered = sorted(range(len(names)), key=lambda place: sha256(names[place].encode()))
    chosen = np.zeros(len(names), bool)
    chosen[ordered[::2]] = True
    return chosen


def _require_enough(fits: Bool[np.ndarray, " P"], in_fit: Bool[np.ndarray, " P"]) -> None:
    if any(part.all() or not part.any() for part in (fits[in_fit], fits[~in_fit])):
        raise DataError(
            f"{int(fits.sum())} of {len(fits)} captions fit their pictures, but both halves need "
            "captions that fit and captions that do not; train longer, or calibrate on more "
            "pictures"
        )


def _choose_ridge(standardised: Float[np.ndarray, "P F"], fits: Bool[np.ndarray, " P"]) -> float:
    """Return the ridge with the lowest cross-validated log-loss."""
    fold = np.arange(len(fits)) % FOLDS

    def loss(ridge: float) -> float:
        """Sum the log-loss on each fold of a fit without it."""
        total = 0.0
        for part in range(FOLDS):
            weights = _fit_logistic(standardised[fold != part], fits[fold != part], ridge)
            predicted = _probability(standardised[fold == part], weights)
            total -= np.log(np.where(fits[fold == part], predicted, 1 - predicted)).sum()
        return total

    return min(RIDGES, key=loss)


def _fit_logistic(
    standardised: Float[np.ndarray, "P F"], fits: Bool[np.ndarray, " P"], ridge: float
) -> Float[np.ndarray, " G"]:
    """Fit by Newton's method; the bias, which comes first, is not penalised."""
    inputs = np.column_stack([np.ones(len(standardised)), standardised])
    penalty = np.diag([1e-9, *[ridge] * standardised.shape[1]])
    weights = np.zeros(inputs.shape[1])
    for _ in range(NEWTON_STEPS):
        predicted = _probability(standardised, weights)
        gradient = inputs.T @ (predicted - fits) + penalty @ weights
        hessian = (inputs * (predicted * (1 - predicted))[:, None]).T @ inputs + penalty
        weights = weights - np.linalg.solve(hessian, gradient)
    return weights


def _probability(
    standardised: Float[np.ndarray, "P F"], weights: Float[np.ndarray, " G"]
) -> Float[np.ndarray, " P"]:
    log_odds = weights[0] + standardised @ weights[1:]
    return 1 / (1 + np.exp(-log_odds.clip(-30, 30)))
