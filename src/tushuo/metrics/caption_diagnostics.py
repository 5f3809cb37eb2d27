"""Caption diagnostics: repetition, variety and unsupported words, which mean scores hide."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tushuo.metrics.base import corpus_scores
from tushuo.metrics.bleu import Bleu
from tushuo.metrics.corpus import Corpus, Words

# A caption that ends in one of these words is incomplete.
_ENGLISH = (
    "a an the and or of in on at to with by for from into over under near through while as is are "
    "his her its their this that"
)
_CHINESE = "的 在 和 与 着 一个 把 被 从 向 是"
FUNCTION_WORDS = frozenset([*_ENGLISH.split(), *_CHINESE.split()])


@dataclass(frozen=True, kw_only=True)
class CaptionDiagnostics:
    """Diagnostics of a set of captions; shares are from 0 to 1.

    Attributes:
        words: mean number of words of a caption.
        vocabulary: number of distinct words.
        distinct_1, distinct_2: distinct unigrams and bigrams divided by their total number (Li et
            al., "A Diversity-Promoting Objective Function for Neural Conversation Models", 2016).
        different: distinct captions divided by the number of captions.
        identical: share of captions that at least one other picture has too.
        commonest: share of pictures that have the most frequent caption.
        seen: share of captions that occur verbatim among the training captions.
        unfinished: share of captions that end in a function word.
        unsupported: share of captions with a word that occurs in none of their references.
        mbleu: BLEU-4 of each of a picture's captions against its others, so lower is more varied
            (Shetty et al., "Speaking the Same Language", ICCV 2017, section 5.2; there the mean
            over pictures, here over one corpus). None where pictures have a single caption.
        div_1, div_2: distinct unigrams and bigrams of a picture's captions divided by their total
            number (the same section), the mean over pictures.
    """

    words: float
    vocabulary: int
    distinct_1: float
    distinct_2: float
    different: float
    identical: float
    commonest: float
    seen: float | None
    unfinished: float
    unsupported: float
    mbleu: float | None = None
    div_1: float | None = None
    div_2: float | None = None


def caption_diagnostics(
    corpus: Corpus,
    training: Collection[Words] | None = None,
    candidates: Sequence[Sequence[Words]] = (),
) -> CaptionDiagnostics:
    """Compute the diagnostics of a corpus' hypotheses.

    Args:
        corpus: hypotheses and references, as words.
        training: the training captions as words; without them ``seen`` is None.
        candidates: all generated captions of each picture, for the variety among them.
    """
    captions = [tuple(words) for words in corpus.hypotheses]
    unsupported = [
        not set(words) <= {word for reference in references for word in reference}
        for words, references in zip(captions, corpus.references, strict=True)
    ]
    counts = Counter(captions)
    known = None if training is None else {tuple(words) for words in training}
    return CaptionDiagnostics(
        words=sum(map(len, captions)) / len(captions),
        vocabulary=len({word for words in captions for word in words}),
        distinct_1=_distinct(captions, 1),
        distinct_2=_distinct(captions, 2),
        different=len(counts) / len(captions),
        identical=_share([counts[words] > 1 for words in captions]),
        commonest=max(counts.values()) / len(captions),
        seen=None if known is None else _share([words in known for words in captions]),
        unfinished=_share([words[-1:] != () and words[-1] in FUNCTION_WORDS for words in captions]),
        unsupported=_share(unsupported),
        **_variety([captions for captions in candidates if len(captions) > 1]),
    )


def _variety(candidates: Sequence[Sequence[Words]]) -> dict[str, float]:
    """Measure how much the captions of one picture differ."""
    if not candidates:
        return {}
    hypotheses = [words for captions in candidates for words in captions]
    others = [
        [*captions[:k], *captions[k + 1 :]] for captions in candidates for k in range(len(captions))
    ]
    bleu, corpus = Bleu(), Corpus(hypotheses, others)
    return {
        "mbleu": corpus_scores(bleu, bleu.statistics(corpus))["Bleu_4"],
        "div_1": sum(_distinct(captions, 1) for captions in candidates) / len(candidates),
        "div_2": sum(_distinct(captions, 2) for captions in candidates) / len(candidates),
    }


def _distinct(captions: Sequence[Words], n: int) -> float:
    ngrams = [tuple(words[i : i + n]) for words in captions for i in range(len(words) - n + 1)]
    return len(set(ngrams)) / max(len(ngrams), 1)


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)
