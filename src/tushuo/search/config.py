"""Settings of a search; without torch, because command-line options are made from them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from tushuo.errors import SettingError
from tushuo.setting_types import convert_settings

LIMIT = 1000  # of settings that memory and time grow with


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """Settings of a search; words are strings of the run's vocabulary."""

    search: Annotated[
        Literal["greedy", "sample", "beam", "diverse", "consensus"],
        "greedy decoding; sampling; beam search; diverse beam search; consensus (minimum Bayes "
        "risk) reranking of a beam",
    ] = "greedy"
    n_best: Annotated[int, "captions per picture, best first; with sample: samples drawn"] = 1
    beam_size: Annotated[int, "beam, diverse, consensus: hypotheses kept per picture"] = 5
    length_norm: Annotated[
        Literal["sum", "mean", "gnmt"],
        "beam, diverse, consensus: rank captions by log-probability, by its mean over the words, "
        "or by the rule of GNMT",
    ] = "mean"
    gnmt_alpha: Annotated[float, "length-norm gnmt: 0 equals sum, more prefers longer captions"] = (
        0.6
    )
    groups: Annotated[int, "diverse: groups that share the beam"] = 5
    diversity_penalty: Annotated[
        float, "diverse: nats subtracted from a word for each earlier group that uses it"
    ] = 0.5
    temperature: Annotated[float, "sample: below 1 favours probable words, above 1 rare ones"] = 1.0
    mbr_samples: Annotated[int, "consensus: samples that candidates are compared with"] = 30
    mbr_temperature: Annotated[float, "consensus: temperature of these samples"] = 0.7
    genericness_penalty: Annotated[
        float, "consensus: penalty per log-count of identical captions in the training set"
    ] = 0.0
    evidence_weight: Annotated[
        float, "beam: weight of the evidence for a caption's words, beside its log-probability"
    ] = 0.0
    top_k: Annotated[int | None, "sample: draw among the k most probable words"] = None
    top_p: Annotated[
        float | None, "sample: draw among the most probable words that sum to this probability"
    ] = None
    seed: Annotated[int, "sample, consensus: equal seeds give equal captions of a picture"] = 0
    min_words: Annotated[int, "minimum length of a caption; no caption is empty"] = 0
    max_words: Annotated[int, "maximum length of a caption"] = 40
    required_words: Annotated[
        tuple[str, ...], "beam, consensus: a word that must occur; may be repeated"
    ] = ()
    banned_words: Annotated[
        tuple[str, ...], "a word or phrase that must not occur; may be repeated"
    ] = ()
    banned_endings: Annotated[
        tuple[str, ...], "a word or phrase that no caption may end with; may be repeated"
    ] = ()
    no_repeat_ngram: Annotated[int | None, "no n-gram of this length occurs twice"] = None
    no_immediate_repeat: Annotated[bool, "no word follows itself"] = False
    allow_unk: Annotated[bool, "allow the token for unknown words in captions"] = False

    def __post_init__(self) -> None:
        """Reject values of other types, invalid values and combinations."""
        convert_settings(self)
        for name, value in _values(self, _MINIMUM):
            if value is not None and not _MINIMUM[name] <= value < math.inf:  # rejects NaN too
                finite = " and finite" if isinstance(value, float) else ""
                raise SettingError(
                    f"{_option(name)} was {value}, but must be at least {_MINIMUM[name]}{finite}"
                )
        for name, value in _values(self, _LIMITED):
            if value > LIMIT:
                raise SettingError(
                    f"{_option(name)} was {value}, but must be at most {LIMIT}, because memory and "
                    "time grow with it"
                )
        for name, value in _values(self, ("temperature", "mbr_temperature")):
            if not 0 < value < math.inf:
                raise SettingError(
                    f"{_option(name)} was {value}, but must be above 0 and finite; for the most "
                    "probable words use --search greedy"
                )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise SettingError(f"top-p was {self.top_p}, but must be above 0 and at most 1")
        if self.min_words > self.max_words:
            raise SettingError(
                f"min-words was {self.min_words}, more than max-words, which is {self.max_words}"
            )
        self._check_beams()
        self._check_words()

    def _check_beams(self) -> None:
        if self.search == "greedy" and self.n_best > 1:
            raise SettingError(
                f"n-best was {self.n_best}, but greedy decoding gives one caption; use --search "
                "beam or sample"
            )
        if self.search in ("beam", "diverse", "consensus") and self.n_best > self.beam_size:
            raise SettingError(
                f"n-best was {self.n_best}, more than beam-size, which is {self.beam_size}; raise "
                "beam-size"
            )
        if self.search == "diverse" and self.beam_size % self.groups:
            raise SettingError(
                f"beam-size was {self.beam_size}, but must be a multiple of groups, which is "
                f"{self.groups}"
            )

    def _check_words(self) -> None:
        if self.required_words and self.search not in ("beam", "consensus"):
            raise SettingError(
                f"required-words cannot be combined with --search {self.search}; use --search beam "
                "or consensus"
            )
        count = len(set(self.required_words))
        if count > self.max_words:
            raise SettingError(
                f"required-words names {count} words, more than max-words, which is "
                f"{self.max_words}"
            )
        both = sorted({*self.required_words} & {*self.banned_words})
        if both:
            raise SettingError(f"{' '.join(both)} is both required and banned; choose one")

    @property
    def signature(self) -> str:
        """All settings that influence this search's captions, in one word."""
        ranked = "length_norm" in _USED_BY[self.search] and self.length_norm == "gnmt"
        names = (*_USED_BY[self.search], *(("gnmt_alpha",) if ranked else ()), *_USED_BY_ALL)
        fields = [
            f"{SIGNED_AS.get(name, name)}={'+'.join(value) if isinstance(value, tuple) else value}"
            for name, value in _values(self, names)
            if value
        ]
        return f"{self.search},{','.join(fields)}"


# Calibrations and results are matched by this text, so it keeps the names that settings once had.
SIGNED_AS = {
    "length_norm": "score",
    "diversity_penalty": "strength",
    "mbr_samples": "judges",
    "mbr_temperature": "judge_temperature",
    "genericness_penalty": "stock_penalty",
    "required_words": "must",
    "banned_words": "must_not",
    "banned_endings": "not_last",
    "no_repeat_ngram": "no_repeat",
    "no_immediate_repeat": "no_echo",
    "allow_unk": "unk",
}
_MINIMUM = {
    "n_best": 1,
    "beam_size": 1,
    "groups": 1,
    "max_words": 1,
    "top_k": 1,
    "no_repeat_ngram": 1,
    "mbr_samples": 1,
    "min_words": 0,
    "gnmt_alpha": 0,
    "diversity_penalty": 0,
    "genericness_penalty": 0,
    "evidence_weight": 0,
}
_LIMITED = ("n_best", "beam_size", "groups", "mbr_samples", "max_words")
_USED_BY_ALL = (
    "min_words", "max_words", "required_words", "banned_words", "banned_endings",
    "no_repeat_ngram", "no_immediate_repeat", "allow_unk",
)  # fmt: skip
_USED_BY: dict[str, tuple[str, ...]] = {
    "greedy": (),
    "sample": ("n_best", "temperature", "top_k", "top_p", "seed"),
    "beam": ("beam_size", "length_norm", "evidence_weight"),
    "diverse": ("beam_size", "length_norm", "groups", "diversity_penalty"),
    "consensus": (
        "beam_size", "length_norm", "mbr_samples", "mbr_temperature", "genericness_penalty", "seed",
    ),
}  # fmt: skip


def _values(config: SearchConfig, names: Iterable[str]) -> list[tuple[str, Any]]:
    return [(name, getattr(config, name)) for name in names]


def _option(name: str) -> str:
    return name.replace("_", "-")
