"""Score a set of captions by several metrics, with bootstrap intervals and a signature."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from jaxtyping import Float

from tushuo.errors import DataError, SettingError
from tushuo.metrics import ptb
from tushuo.metrics.base import Metric, corpus_scores
from tushuo.metrics.bleu import Bleu
from tushuo.metrics.cider import Cider
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.document_frequencies import DocumentFrequencies
from tushuo.metrics.meteor.formula import Meteor
from tushuo.metrics.picture_ids import list_pictures, require_same_pictures
from tushuo.metrics.rouge import RougeL
from tushuo.metrics.spice import Spice
from tushuo.runtime import sha256
from tushuo.signatures import require_same, signature
from tushuo.text import tokenization
from tushuo.text.language import caption_language

METRICS: dict[str, Callable[[], Metric]] = {
    "bleu": Bleu,
    "meteor": Meteor,
    "meteor-java": partial(Meteor, aligner="java"),
    "rouge": RougeL,
    "cider": Cider,
    "spice": Spice,
}
QUICK = ("bleu", "rouge", "cider")  # the metrics that need no extra
# Metrics for English only, and the fields that they add to the signature.
ENGLISH_ONLY = {
    "meteor": {"meteor": "1.5-python"},
    "meteor-java": {"meteor": "1.5-java"},
    "spice": {"spice": "1.0-java"},
}
TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "ptb": ptb.tokenize,
    "jieba": partial(tokenization.tokenize, tokenizer="jieba"),
    "characters": partial(tokenization.tokenize, tokenizer="characters"),
}
TOKENIZER_OF: dict[tokenization.Language, str] = {"en": "ptb", "zh": "jieba"}  # the defaults
CHOSEN_BY = "chosen_by"  # field of the signature: who chose the tokenizer; no score depends on it
SAMPLES, CONFIDENCE = 1000, 0.95
VERSION = 1  # of the numbers: raised when the same captions would get different ones
FEW_PICTURES = 100  # below, document frequencies are too coarse for CIDEr's weights


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of a set of captions.

    Attributes:
        scores: by official name, on the official scale; None where undefined for so few pictures.
        intervals: bootstrap intervals over pictures, with fixed document frequencies.
        images: scores by picture and name.
        signature: what the numbers depend on; scores with equal signatures are comparable.
        notes: caveats for the reader.
    """

    scores: dict[str, float | None]
    intervals: dict[str, tuple[float, float] | None]
    images: dict[str, dict[str, float | None]]
    signature: str
    notes: list[str]


def score(
    hypotheses: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    *,
    tokenizer: str | None = None,
    metrics: Sequence[str] = QUICK,
    frequencies: DocumentFrequencies | None = None,
    extra_metrics: Sequence[Metric] = (),
) -> Scores:
    """Score one caption for each picture.

    Args:
        hypotheses: generated caption by picture.
        references: reference captions by picture.
        tokenizer: one of ``TOKENIZERS``; ``ptb`` is the official evaluator's. None: chosen by the
            text of the references, and the signature says so.
        metrics: names in ``METRICS``.
        frequencies: document frequencies for CIDEr; None to count those of the references.
        extra_metrics: metrics built for these captions, in the order of the references.

    Raises:
        MissingPartError: a metric requires a part that is not installed.
        DataError: the pictures differ, or one has no references.
        SignatureError: the document frequencies were counted with another tokenizer.
        SettingError: a metric for English only, with a tokenizer for another language.
    """
    require_same_pictures(hypotheses, references)
    require_references(references)
    chosen = tokenizer or choose_tokenizer(references)
    require_english(metrics, chosen)
    names = list(references)
    corpus = corpus_of(hypotheses, references, chosen, frequencies=frequencies)
    scores: dict[str, float | None] = {}
    intervals: dict[str, tuple[float, float] | None] = {}
    images: dict[str, dict[str, float | None]] = {name: {} for name in names}
    for metric in (*(METRICS[name]() for name in metrics), *extra_metrics):
        statistics = metric.statistics(corpus)
        scores |= corpus_scores(metric, statistics)
        intervals |= bootstrap(metric, statistics)
        for name, row in zip(names, metric.scores(statistics).tolist(), strict=True):
            images[name] |= zip(metric.names, row, strict=True)
    tables: list[dict[str, Any]] = [scores, intervals, *images.values()]
    for table in tables:
        table |= dict.fromkeys(undefined_scores(len(names), frequencies))
    return Scores(
        scores=scores,
        intervals=intervals,
        images=images,
        signature=signature_of(
            references,
            tokenizer=chosen,
            chosen_by_text=tokenizer is None,
            frequencies=frequencies,
            metrics=metrics,
        ),
        notes=[*cider_notes(len(names), frequencies), *empty_notes(hypotheses, references)],
    )


def choose_tokenizer(references: Mapping[str, Sequence[str]]) -> str:
    """Return the tokenizer for the language that most references are in.

    Hypotheses have no say: sets of captions with the same references are scored alike.
    """
    return TOKENIZER_OF[caption_language(chain.from_iterable(references.values()))]


def require_references(references: Mapping[str, Sequence[str]]) -> None:
    """Refuse pictures without references.

    Raises:
        DataError: with their ids.
    """
    if empty := [name for name, captions in references.items() if not captions]:
        raise DataError(
            f"no references of {list_pictures(empty)}; expected at least one for each; add "
            "references, or leave these pictures out of references and hypotheses"
        )


def empty_notes(
    hypotheses: Mapping[str, str], references: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return a note where captions are empty."""
    captions = {
        "hypotheses": list(hypotheses.values()),
        "references": list(chain.from_iterable(references.values())),
    }
    empty = {name: sum(not text.strip() for text in texts) for name, texts in captions.items()}
    return [
        f"{count} of {len(captions[name])} {name} {'is' if count == 1 else 'are'} empty"
        for name, count in empty.items()
        if count
    ]


def require_english(metrics: Sequence[str], tokenizer: str) -> None:
    """Refuse metrics for English only where the tokenizer is for another language.

    Raises:
        SettingError: such a metric was given with such a tokenizer.
    """
    english = [name for name in metrics if name in ENGLISH_ONLY]
    if english and tokenizer != "ptb":
        raise SettingError(
            f"{' and '.join(english)} cannot be used with the tokenizer {tokenizer}: METEOR and "
            "SPICE support English only; use --tokenizer ptb or leave them out"
        )


def undefined_scores(pictures: int, frequencies: DocumentFrequencies | None) -> tuple[str, ...]:
    """Return the scores that are undefined for so few pictures.

    CIDEr of a single picture is undefined with its own document frequencies: all weights are 0.
    """
    return Cider.names if pictures == 1 and frequencies is None else ()


def cider_notes(pictures: int, frequencies: DocumentFrequencies | None) -> list[str]:
    """Return a note where CIDEr's word weights come from too few pictures."""
    if frequencies is not None or pictures >= FEW_PICTURES:
        return []
    cure = "use the document frequencies of a larger corpus with --df"
    if undefined_scores(pictures, frequencies):
        return [f"CIDEr is undefined for a single picture: it weighs words by rarity; {cure}"]
    return [f"CIDEr of {pictures} pictures has unreliable word weights; {cure}"]


def corpus_of(
    hypotheses: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    tokenizer: str,
    *,
    frequencies: DocumentFrequencies | None = None,
) -> Corpus:
    """Split all captions into words, in the order of the references.

    Raises:
        SignatureError: the document frequencies were counted with another tokenizer.
    """
    if frequencies is not None:
        require_same(
            signature(tokenizer=frequencies.tokenizer),
            signature(tokenizer=tokenizer),
            what="the document frequencies and these words",
            cure="use frequencies that were saved with the same --tokenizer",
        )
    tokenize = TOKENIZERS[tokenizer]
    return Corpus(
        [tokenize(hypotheses[name]) for name in references],
        [[tokenize(caption) for caption in captions] for captions in references.values()],
        frequencies,
    )


def bootstrap(
    metric: Metric, statistics: Float[np.ndarray, "I S"], *, samples: int = SAMPLES, seed: int = 0
) -> dict[str, tuple[float, float] | None]:
    """Return percentile intervals of a metric's scores, resampling the pictures.

    Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979.
    """
    draw = np.random.default_rng(seed)
    images = len(statistics)
    totals = []
    for _ in range(samples):
        counts = np.bincount(draw.integers(images, size=images), minlength=images)
        sums = counts @ statistics
        totals.append(sums if metric.total == "sum" else sums / images)
    tails = [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)]
    low, high = np.percentile(metric.scores(np.array(totals)), tails, axis=0).tolist()
    return dict(zip(metric.names, zip(low, high, strict=True), strict=True))


def signature_of(
    references: Mapping[str, Sequence[str]],
    *,
    tokenizer: str,
    chosen_by_text: bool = False,
    frequencies: DocumentFrequencies | None = None,
    metrics: Sequence[str] = QUICK,
) -> str:
    """Return the signature of scores: everything the numbers depend on except the captions.

    Where the text has chosen the tokenizer, it says so: ``tokenizer:jieba|chosen_by:text``.
    """
    sizes = sorted({len(captions) for captions in references.values()})
    number = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]}to{sizes[-1]}"
    content = sorted((name, list(captions)) for name, captions in references.items())
    return signature(
        metrics=VERSION,
        tokenizer=tokenizer,
        **{CHOSEN_BY: "text"} if chosen_by_text else {},
        images=len(references),
        references=number,
        hash=sha256(msgspec.json.encode(content))[:16],
        df=frequencies.hash if frequencies else "references",
        **{key: value for name in metrics for key, value in ENGLISH_ONLY.get(name, {}).items()},
    )
