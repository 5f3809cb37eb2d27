"""How captions are searched. Without torch, since the command line is made from it."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from tushuo.errors import SettingError

MOST = 1000  # of what a search holds at once, or of its steps


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """Settings of a search; the words are strings, as the run's vocabulary has them."""

    search: Annotated[
        Literal["greedy", "sample", "beam", "diverse", "consensus"],
        "the likeliest word each time; drawn words; the best captions; the best of several groups; "
        "of the best captions the ones that most of the drawn ones are like",
    ] = "greedy"
    n_best: Annotated[int, "captions a picture, best first; of sample: how many are drawn"] = 1
    beam_size: Annotated[
        int, "of beam, diverse and consensus: unfinished captions kept a picture"
    ] = 5
    length_norm: Annotated[
        Literal["sum", "mean", "gnmt"],
        "what ranks captions: log-probability, over their length, or by the rule of GNMT",
    ] = "mean"
    gnmt_alpha: Annotated[float, "of gnmt: 0 is sum, more is longer"] = 0.6
    groups: Annotated[int, "of diverse: how many share the beams"] = 5
    diversity_penalty: Annotated[
        float, "of diverse: nats off a word for each earlier group's use"
    ] = 0.5
    temperature: Annotated[float, "of sample: below 1 safer words, above 1 bolder ones"] = 1.0
    mbr_samples: Annotated[
        int, "of consensus: drawn captions that its captions are compared with"
    ] = 30
    mbr_temperature: Annotated[float, "of consensus: temperature of the judges"] = 0.7
    genericness_penalty: Annotated[
        float,
        "of consensus: off a caption's agreement, times the logarithm of how many training "
        "captions say just so",
    ] = 0.0
    top_k: Annotated[int | None, "of sample: draw among so many likeliest words"] = None
    top_p: Annotated[float | None, "of sample: draw among the likeliest with this share"] = None
    seed: Annotated[int, "of sample and consensus: the same seed repeats a picture's captions"] = 0
    min_words: Annotated[int, "shortest caption"] = 0
    max_words: Annotated[int, "longest caption"] = 40
    required_words: Annotated[
        tuple[str, ...], "of beam and consensus: a word that must appear"
    ] = ()
    banned_words: Annotated[tuple[str, ...], "a word, or words in a row, never said"] = ()
    banned_endings: Annotated[tuple[str, ...], "a word, or words in a row, never at the end"] = ()
    no_repeat_ngram: Annotated[int | None, "so many words in a row never come twice"] = None
    no_immediate_repeat: Annotated[bool, "a word never follows itself"] = False
    allow_unk: Annotated[bool, "let it speak of unknown words as such"] = False

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for names, least in _LEAST.items():
            for name in names:
                given = getattr(self, name)
                if given is not None and not least <= given < math.inf:  # nan is no number either
                    said = name.replace("_", "-")
                    finite = " and finite" if isinstance(given, float) else ""
                    raise SettingError(f"{said} was {given}, it must be at least {least}{finite}")
        for name in _COSTLY:
            if getattr(self, name) > MOST:
                raise SettingError(
                    f"{name.replace('_', '-')} was {getattr(self, name)}, it must be at most "
                    f"{MOST}, since memory and time grow with it"
                )
        for name in ("temperature", "mbr_temperature"):
            if not 0 < getattr(self, name) < math.inf:
                raise SettingError(
                    f"{name.replace('_', '-')} was {getattr(self, name)}, it must be above 0 and "
                    "finite; for the likeliest words use --search greedy"
                )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise SettingError(f"top-p was {self.top_p}, it must be above 0 and at most 1")
        if self.min_words > self.max_words:
            raise SettingError(
                f"min-words was {self.min_words}, above max-words, which is {self.max_words}"
            )
        self._refuse_beams()
        self._refuse_words()

    def _refuse_beams(self) -> None:
        if self.search == "greedy" and self.n_best > 1:
            raise SettingError(
                f"n-best was {self.n_best}, but greedy finds one caption; "
                "use --search beam or sample"
            )
        if self.search in ("beam", "diverse", "consensus") and self.n_best > self.beam_size:
            raise SettingError(
                f"n-best was {self.n_best}, above beam-size, which is {self.beam_size}; "
                "raise beam-size"
            )
        if self.search == "diverse" and self.beam_size % self.groups:
            raise SettingError(
                f"beam-size was {self.beam_size}, it must be a multiple of groups, "
                f"which is {self.groups}"
            )

    def _refuse_words(self) -> None:
        if self.required_words and self.search not in ("beam", "consensus"):
            raise SettingError(
                f"must was given with --search {self.search}; only --search beam and consensus can "
                "see to it"
            )
        if len(set(self.required_words)) > self.max_words:
            raise SettingError(
                f"must names {len(set(self.required_words))} words, above max-words, "
                f"which is {self.max_words}"
            )
        both = sorted({*self.required_words} & {*self.banned_words})
        if both:
            raise SettingError(f"{' '.join(both)} must and must not appear; choose one")

    @property
    def signature(self) -> str:
        """All that decides this search's captions, in one word."""
        ranked = (
            ("gnmt_alpha",)
            if self.length_norm == "gnmt" and "length_norm" in _OF[self.search]
            else ()
        )
        used = {name: getattr(self, name) for name in (*_OF[self.search], *ranked, *_OF_ALL)}
        told = ",".join(
            f"{SIGNED_AS.get(name, name)}={_told(value)}" for name, value in used.items() if value
        )
        return f"{self.search},{told}"


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
_LEAST = {
    ("n_best", "beam_size", "groups", "max_words", "top_k", "no_repeat_ngram", "mbr_samples"): 1,
    ("min_words", "gnmt_alpha", "diversity_penalty", "genericness_penalty"): 0,
}
_COSTLY = ("n_best", "beam_size", "groups", "mbr_samples", "max_words")
_OF_ALL = (
    "min_words", "max_words", "required_words", "banned_words", "banned_endings",
    "no_repeat_ngram", "no_immediate_repeat", "allow_unk",
)  # fmt: skip
_OF: dict[str, tuple[str, ...]] = {
    "greedy": (),
    "sample": ("n_best", "temperature", "top_k", "top_p", "seed"),
    "beam": ("beam_size", "length_norm"),
    "diverse": ("beam_size", "length_norm", "groups", "diversity_penalty"),
    "consensus": (
        "beam_size",
        "length_norm",
        "mbr_samples",
        "mbr_temperature",
        "genericness_penalty",
        "seed",
    ),
}


def _told(value: object) -> str:
    return "+".join(value) if isinstance(value, tuple) else str(value)
