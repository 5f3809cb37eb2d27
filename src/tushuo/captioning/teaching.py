"""Which captions of a teacher another captioner is trained on, and why the others are left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

from tushuo.captioning.caption import Caption
from tushuo.concepts.caption_words import is_function_word
from tushuo.errors import SettingError
from tushuo.metrics.caption_diagnostics import FUNCTION_WORDS
from tushuo.search.config import SearchConfig
from tushuo.signatures import signature
from tushuo.text.tokenization import DEFAULT_TOKENIZERS, Language, tokenize
from tushuo.text.vocabulary import SPECIAL, UNK

MIN_CONFIDENCE = 0.5
MIN_LOG_PROB = -1.5  # nats a word: a geometric mean probability of 0.22
UNKNOWN = (SPECIAL[UNK], "<unk>", "[UNK]")  # ours, and those of other libraries
LONGEST_REPEAT = 4  # words; of a group that follows itself, and of one that occurs twice anywhere
CANDIDATES_PER_SAMPLE = 2  # samples drawn for each caption that may be kept


@final
@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a caption must be to be kept.

    Attributes:
        captions: captions kept of a photograph, at most.
        min_confidence: confidence of a photograph's best caption, below which the photograph is
            left out; None: 0.5. It applies where captions have a confidence.
        min_log_prob: mean log-probability of a caption's words, below which it is dropped; None:
            -1.5 where captions have no confidence, no bound where they have one.

    Raises:
        SettingError: one of them is out of its range.
    """

    captions: int = 3
    min_confidence: float | None = None
    min_log_prob: float | None = None

    def __post_init__(self) -> None:
        """Refuse values that keep nothing or mean nothing."""
        if self.captions < 1:
            raise SettingError(f"captions was {self.captions}, but must be at least 1")
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise SettingError(f"min-confidence was {self.min_confidence}, but must be from 0 to 1")
        if self.min_log_prob is not None and not self.min_log_prob <= 0:
            raise SettingError(
                f"min-log-prob was {self.min_log_prob}, but must be at most 0, as logarithms of "
                "probabilities are"
            )

    def signature(self, config: SearchConfig) -> str:
        """Return one line that identifies the filters, and how many captions pass through them."""
        return signature(
            candidates=config.n_best,
            captions=self.captions,
            min_confidence=self.least_confidence,
            min_log_prob=MIN_LOG_PROB if self.min_log_prob is None else self.min_log_prob,
        )

    @property
    def least_confidence(self) -> float:
        """The confidence that was set, or the default."""
        return MIN_CONFIDENCE if self.min_confidence is None else self.min_confidence


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The captions of one photograph that are kept.

    Attributes:
        captions: best first; empty where the photograph is left out.
        reason: why the photograph is left out; None where it is not.
        dropped: number of captions that were dropped for each reason.
    """

    captions: tuple[Caption, ...]
    reason: str | None
    dropped: dict[str, int]


def with_candidates(config: SearchConfig, captions: int) -> SearchConfig:
    """Return the search with as many captions per photograph as it can provide.

    The whole beam costs no more than its best caption; of samples, some are drawn in reserve.
    Greedy decoding gives one.
    """
    if config.search == "greedy":
        return config
    sampled = config.search == "sample"
    return replace(config, n_best=CANDIDATES_PER_SAMPLE * captions if sampled else config.beam_size)


def select(best: Caption, filters: Filters, language: Language) -> Selection:
    """Select captions of a photograph among its best caption and the alternatives.

    Raises:
        SettingError: ``filters`` bound the log-probability, but the captioner provides none.
    """
    if best.out_of_distribution:
        return Selection(captions=(), reason="unlike the calibration pictures", dropped={})
    if best.confidence is not None and best.confidence < filters.least_confidence:
        return Selection(captions=(), reason="not confident", dropped={})
    kept: list[Caption] = []
    seen: set[frozenset[str]] = set()
    dropped = Counter[str]()
    for caption in (best, *best.alternatives):
        content = content_words(caption.text, language)
        fault = flaw(caption.text, language)
        if fault is None and _improbable(caption, filters, bounded=best.confidence is None):
            fault = "improbable"
        if fault is None and content in seen:
            fault = "near-duplicate"
        if fault is not None:
            dropped[fault] += 1
        elif len(kept) < filters.captions:
            seen.add(content)
            kept.append(caption)
    reason = None if kept else "no caption passed the filters"
    return Selection(captions=tuple(kept), reason=reason, dropped=dict(dropped))


def flaw(text: str, language: Language) -> str | None:
    """Return what makes a sentence unfit to be learned from; None where nothing does."""
    words = tokenize(text, DEFAULT_TOKENIZERS[language])
    if not words:
        return "empty"
    if any(mark in text for mark in UNKNOWN):
        return "unknown word"
    if len(words) == 1:
        return "one word"
    if _repeats(words):
        return "repeats itself"
    if words[-1] in FUNCTION_WORDS:
        return "ends in a function word"
    return None


def content_words(text: str, language: Language) -> frozenset[str]:
    """Return the words of a caption that a picture can show; near-duplicates have the same."""
    words = tokenize(text, DEFAULT_TOKENIZERS[language])
    return frozenset(word for word in words if not is_function_word(word, language))


def mean_log_prob(caption: Caption) -> float | None:
    """Return the mean log-probability of a caption's words; None where it has none."""
    return caption.log_prob / len(caption.log_probs) if caption.log_probs else None


def _improbable(caption: Caption, filters: Filters, *, bounded: bool) -> bool:
    """Whether a caption is too improbable; the default bound applies where ``bounded``."""
    mean = mean_log_prob(caption)
    if filters.min_log_prob is None:
        return bounded and mean is not None and mean < MIN_LOG_PROB
    if mean is None:
        raise SettingError(
            f"min-log-prob was {filters.min_log_prob}, but this captioner provides no "
            "log-probabilities; leave it out"
        )
    return mean < filters.min_log_prob


def _repeats(words: Sequence[str]) -> bool:
    """Whether a group of words follows itself, or a long one occurs twice."""
    for n in range(1, LONGEST_REPEAT + 1):
        if any(words[i : i + n] == words[i + n : i + 2 * n] for i in range(len(words) - 2 * n + 1)):
            return True
    ngrams = [tuple(words[i : i + LONGEST_REPEAT]) for i in range(len(words) - LONGEST_REPEAT + 1)]
    return len(set(ngrams)) < len(ngrams)
