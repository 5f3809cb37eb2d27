"""All metrics over one set of captions, with intervals and a signature."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import numpy as np
from jaxtyping import Float

from tushuo.errors import SettingError
from tushuo.metrics import ptb
from tushuo.metrics.base import Metric, corpus_scores
from tushuo.metrics.bleu import Bleu
from tushuo.metrics.cider import Cider
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.document_frequencies import DocumentFrequencies
from tushuo.metrics.meteor.formula import Meteor
from tushuo.metrics.read import require_same_pictures
from tushuo.metrics.rouge import RougeL
from tushuo.metrics.spice import Spice
from tushuo.runtime import sha256
from tushuo.signatures import require_same, signature
from tushuo.text import tokenization

METRICS: dict[str, Callable[[], Metric]] = {
    "bleu": Bleu,
    "meteor": Meteor,
    "meteor-java": partial(Meteor, aligner="java"),
    "rouge": RougeL,
    "cider": Cider,
    "spice": Spice,
}
QUICK = ("bleu", "rouge", "cider")  # these want no extra
# What the signature says of the others.
SIGNED = {
    "meteor": {"meteor": "1.5-python"},
    "meteor-java": {"meteor": "1.5-java"},
    "spice": {"spice": "1.0-java"},
}
TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "ptb": ptb.split,
    "jieba": partial(tokenization.tokenize, tokenizer="jieba"),
    "characters": partial(tokenization.tokenize, tokenizer="characters"),
}
TOKENIZER_OF: dict[tokenization.Language, str] = {
    "en": "ptb",
    "zh": "jieba",
}  # unless told otherwise
SAMPLES, CONFIDENCE = 1000, 0.95
VERSION = 1  # of the numbers: raised when the same captions would get others
FEW = 100  # pictures below which CIDEr's weights say little


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of a set of captions.

    Attributes:
        scores: by official name, on the official scale; None where the corpus is too small.
        intervals: bootstrap intervals over pictures; document frequencies stay as they are.
        images: scores by picture and name.
        signature: what made the numbers; equal where they can be compared.
        notes: what a reader must know to read them.
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
    tokenizer: str = "ptb",
    metrics: Sequence[str] = QUICK,
    frequencies: DocumentFrequencies | None = None,
    also: Sequence[Metric] = (),
) -> Scores:
    """Score one caption for each picture.

    Args:
        hypotheses: captions by picture.
        references: what people said, by picture.
        tokenizer: one of ``TOKENIZERS``; ``ptb`` is the official evaluator's.
        metrics: some of ``METRICS``.
        frequencies: document frequencies for CIDEr; None for those of these references.
        also: metrics that were made for these very captions, in the order of the references.

    Raises:
        MissingPartError: a metric wants what is not installed.
        DataError: the pictures are not the same, or one has no references.
        SignatureError: the document frequencies are of another tokenizer.
        SettingError: a metric that knows English alone, and words of another language.
    """
    require_same_pictures(hypotheses, references)
    require_english(metrics, tokenizer)
    names = list(references)
    corpus = corpus_of(hypotheses, references, tokenizer, frequencies=frequencies)
    scores: dict[str, float | None] = {}
    intervals: dict[str, tuple[float, float] | None] = {}
    images: dict[str, dict[str, float | None]] = {name: {} for name in names}
    for metric in (*(METRICS[name]() for name in metrics), *also):
        statistics = metric.statistics(corpus)
        scores |= corpus_scores(metric, statistics)
        intervals |= bootstrap(metric, statistics)
        for name, row in zip(names, metric.scores(statistics).tolist(), strict=True):
            images[name] |= zip(metric.names, row, strict=True)
    tables: list[dict[str, Any]] = [scores, intervals, *images.values()]
    for table in tables:
        table |= dict.fromkeys(untold(len(names), frequencies))
    return Scores(
        scores=scores,
        intervals=intervals,
        images=images,
        signature=signature_of(
            references, tokenizer=tokenizer, frequencies=frequencies, metrics=metrics
        ),
        notes=notes_on(len(names), frequencies),
    )


def require_english(metrics: Sequence[str], tokenizer: str) -> None:
    """Refuse metrics that know English alone where the words are of another language.

    Raises:
        SettingError: they were asked for with a tokenizer for Chinese.
    """
    english = [name for name in metrics if name in SIGNED]
    if english and tokenizer != "ptb":
        raise SettingError(
            f"{' and '.join(english)} came with the tokenizer {tokenizer}; METEOR and SPICE know "
            "English alone: take --tokenizer ptb, or leave them out"
        )


def untold(pictures: int, frequencies: DocumentFrequencies | None) -> tuple[str, ...]:
    """Name the scores that so few pictures cannot tell: CIDEr of one, by its own frequencies."""
    return Cider.names if pictures == 1 and frequencies is None else ()


def notes_on(pictures: int, frequencies: DocumentFrequencies | None) -> list[str]:
    """Say what a reader must know of CIDEr, which weighs words by their rarity among pictures."""
    if frequencies is not None or pictures >= FEW:
        return []
    cure = "take the document frequencies of a larger corpus with --df"
    if untold(pictures, frequencies):
        return [f"CIDEr cannot be told from one picture: it weighs words by their rarity; {cure}"]
    return [f"CIDEr of {pictures} pictures hardly knows which words are rare; {cure}"]


def corpus_of(
    hypotheses: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    tokenizer: str,
    *,
    frequencies: DocumentFrequencies | None = None,
) -> Corpus:
    """Split all captions into words, in the order of the references.

    Raises:
        SignatureError: the document frequencies are of another tokenizer.
    """
    if frequencies is not None:
        require_same(
            signature(tokenizer=frequencies.tokenizer),
            signature(tokenizer=tokenizer),
            what="the document frequencies and these words",
            cure="take frequencies of the same --tokenizer",
        )
    split = TOKENIZERS[tokenizer]
    return Corpus(
        [split(hypotheses[name]) for name in references],
        [[split(caption) for caption in captions] for captions in references.values()],
        frequencies,
    )


def bootstrap(
    metric: Metric, statistics: Float[np.ndarray, "I S"], *, samples: int = SAMPLES, seed: int = 0
) -> dict[str, tuple[float, float] | None]:
    """Draw the pictures anew and see how far the scores move.

    Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979; percentile intervals.
    """
    draw = np.random.default_rng(seed)
    images = len(statistics)
    found = []
    for _ in range(samples):
        counts = np.bincount(draw.integers(images, size=images), minlength=images)
        sums = counts @ statistics
        found.append(sums if metric.total == "sum" else sums / images)
    tails = [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)]
    low, high = np.percentile(metric.scores(np.array(found)), tails, axis=0).tolist()
    return dict(zip(metric.names, zip(low, high, strict=True), strict=True))


def signature_of(
    references: Mapping[str, Sequence[str]],
    *,
    tokenizer: str,
    frequencies: DocumentFrequencies | None = None,
    metrics: Sequence[str] = QUICK,
) -> str:
    """Name what the numbers depend on beside the captions; equal where they can be compared."""
    counts = sorted({len(captions) for captions in references.values()})
    number = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}to{counts[-1]}"
    content = msgspec.json.encode(sorted((name, list(of)) for name, of in references.items()))
    return signature(
        metrics=VERSION,
        tokenizer=tokenizer,
        images=len(references),
        references=number,
        hash=sha256(content)[:16],
        df=frequencies.hash if frequencies else "references",
        **{key: value for name in metrics for key, value in SIGNED.get(name, {}).items()},
    )
