"""What scores hide: habits of a captioner that a mean over pictures does not show."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tushuo.metrics.base import corpus_scores
from tushuo.metrics.bleu import Bleu
from tushuo.metrics.corpus import Corpus, Words

# With these no caption ends: one that does was cut off or lost its way.
_ENGLISH = (
    "a an the and or of in on at to with by for from into over under near through while as is are "
    "his her its their this that"
)
_CHINESE = "的 在 和 与 着 一个 把 被 从 向 是"
FUNCTION_WORDS = frozenset([*_ENGLISH.split(), *_CHINESE.split()])


@dataclass(frozen=True, kw_only=True)
class CaptionDiagnostics:
    """Habits of a set of captions; shares are from 0 to 1.

    Attributes:
        words: mean number of words of a caption.
        vocabulary: different words in all captions.
        distinct_1, distinct_2: different words, and pairs of words, to all there are (Li et al.,
            "A Diversity-Promoting Objective Function for Neural Conversation Models", 2016).
        different: different captions, to all there are.
        identical: share of captions that another picture has too.
        commonest: share of pictures with the commonest caption.
        seen: share of captions that stand word for word among the training captions.
        unfinished: share of captions that end in a function word.
        unsupported: share of pictures whose caption has a word of none of its references.
        mbleu: BLEU-4 of each of a picture's captions against its others, so lower is more varied
            (Shetty et al., "Speaking the Same Language", ICCV 2017, section 5.2; there the mean
            over pictures, here over all as one corpus). None where pictures have one caption.
        div_1, div_2: different words, and pairs of words, of all captions of a picture to all there
            are (the same section), the mean over pictures.
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
    several: Sequence[Sequence[Words]] = (),
) -> CaptionDiagnostics:
    """Look at the hypotheses of a corpus.

    Args:
        corpus: hypotheses and references, as words.
        training: the training captions as words; without them ``seen`` is None.
        several: all captions that were said of each picture, where they are more than one.
    """
    said = [tuple(words) for words in corpus.hypotheses]
    pairs = zip(said, corpus.references, strict=True)
    unsupported = [bool(set(words) - {w for of in given for w in of}) for words, given in pairs]
    counts = Counter(said)
    known = None if training is None else {tuple(words) for words in training}
    return CaptionDiagnostics(
        words=sum(map(len, said)) / len(said),
        vocabulary=len({word for words in said for word in words}),
        distinct_1=_distinct(said, 1),
        distinct_2=_distinct(said, 2),
        different=len(counts) / len(said),
        identical=_share([counts[words] > 1 for words in said]),
        commonest=max(counts.values()) / len(said),
        seen=None if known is None else _share([words in known for words in said]),
        unfinished=_share([words[-1:] != () and words[-1] in FUNCTION_WORDS for words in said]),
        unsupported=_share(unsupported),
        **_variety([of for of in several if len(of) > 1]),
    )


def _variety(several: Sequence[Sequence[Words]]) -> dict[str, float]:
    """Say how much the captions of one picture differ."""
    if not several:
        return {}
    rows = [(of[k], [*of[:k], *of[k + 1 :]]) for of in several for k in range(len(of))]
    bleu, corpus = Bleu(), Corpus([own for own, _ in rows], [others for _, others in rows])
    return {
        "mbleu": corpus_scores(bleu, bleu.statistics(corpus))["Bleu_4"],
        "div_1": sum(_distinct(of, 1) for of in several) / len(several),
        "div_2": sum(_distinct(of, 2) for of in several) / len(several),
    }


def _distinct(said: Sequence[Words], n: int) -> float:
    grams = [tuple(words[i : i + n]) for words in said for i in range(len(words) - n + 1)]
    return len(set(grams)) / max(len(grams), 1)


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found)
