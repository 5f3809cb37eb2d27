"""The options of a request: those of a search, and what the reply shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from tushuo.errors import SettingError
from tushuo.search.config import SearchConfig
from tushuo.serve.problems import Problem
from tushuo.setting_types import convert_setting, describe_type

MAX_WORDS = 100  # of a caption, beside the limit on hypotheses
LIMITED = ("n_best", "beam_size", "groups", "mbr_samples", "top_k")
MAX_NAMED = 50  # required, banned and last words that a request may name
MAX_NAME = 100  # characters of such a word


@dataclass(frozen=True, kw_only=True)
class ReplyOptions:
    """What the reply to a request shows beside its captions."""

    attention: Annotated[bool, "attention map of each word"] = False
    concepts: Annotated[bool, "what the picture shows, and what supports each word"] = False
    confidence: Annotated[
        bool, "confidence and familiarity of each caption; requires tushuo calibrate"
    ] = False
    min_confidence: Annotated[
        float | None, "below it, null in place of the caption, and the reason"
    ] = None

    def __post_init__(self) -> None:
        """Reject a confidence that is no probability."""
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise SettingError(f"min_confidence was {self.min_confidence}, but must be from 0 to 1")

    @property
    def needs_confidence(self) -> bool:
        """Whether captions must have a confidence."""
        return self.confidence or self.min_confidence is not None


@dataclass(frozen=True, kw_only=True)
class RequestOptions:
    """All options of a request.

    Attributes:
        search: the search; options that were not given are those of the captioner.
        reply: what the reply shows.
    """

    search: SearchConfig
    reply: ReplyOptions = field(default_factory=ReplyOptions)


def hints_of(kind: type) -> dict[str, tuple[Any, str]]:
    """Return the type and the meaning of each option of a class."""
    hints = get_type_hints(kind, include_extras=True)
    return {one.name: get_args(hints[one.name]) for one in fields(kind)}


SEARCH, REPLY = hints_of(SearchConfig), hints_of(ReplyOptions)


def from_query(
    pairs: Sequence[tuple[str, str]], usual: SearchConfig, *, max_hypotheses: int
) -> RequestOptions:
    """Read options from a query string or the fields of a form; lists are names that are repeated.

    Raises:
        Problem: an option is unknown, invalid or beyond the limits.
    """
    values: dict[str, Any] = {}
    for name, text in pairs:
        kind = (SEARCH | REPLY).get(name, (str, ""))[0]
        if get_origin(kind) is tuple:
            values.setdefault(name, []).append(text)
        elif name in values:
            raise Problem("invalid-option", f"{name} was given twice; give it once")
        else:
            values[name] = _parse(name, text, kind)
    return from_values(values, usual, max_hypotheses=max_hypotheses)


def from_values(
    values: Mapping[str, Any], usual: SearchConfig, *, max_hypotheses: int
) -> RequestOptions:
    """Read options from the members of a JSON object.

    Args:
        values: the options by name.
        usual: the search of the captioner, which supplies the options that are not given.
        max_hypotheses: the most that a request may choose of each option that multiplies its cost.

    Raises:
        Problem: an option is unknown, invalid or beyond the limits.
    """
    for name in values:
        if name not in SEARCH and name not in REPLY:
            near = get_close_matches(name, [*SEARCH, *REPLY], 1)
            hint = f"did you mean {near[0]}?" if near else "/openapi.json lists the options"
            raise Problem("invalid-option", f"{name[:MAX_NAME]!r} is not an option; {hint}")
    try:
        search_values, reply_values = (
            {
                name: convert_setting(name, values[name], hints[name][0])
                for name in values
                if name in hints
            }
            for hints in (SEARCH, REPLY)
        )
        search = replace(usual, **search_values)
        _check_limits(search, search_values, max_hypotheses)
        reply = ReplyOptions(**reply_values)
    except SettingError as error:
        raise Problem("invalid-option", str(error)) from None
    return RequestOptions(search=search, reply=reply)


def _parse(name: str, text: str, kind: Any) -> Any:
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        meant = "true or false" if kind is bool else describe_type(kind)
        raise Problem(
            "invalid-option", f"{name} was {text[:MAX_NAME]!r}, but must be {meant}"
        ) from None


def _check_limits(search: SearchConfig, chosen: Mapping[str, Any], max_hypotheses: int) -> None:
    """Refuse searches that cost too much; what the captioner has by default is accepted."""
    for name in (*LIMITED, "max_words"):
        limit = MAX_WORDS if name == "max_words" else max_hypotheses
        value = getattr(search, name)
        if name in chosen and value is not None and value > limit:
            raise SettingError(f"{name} was {value}, but this service accepts at most {limit}")
    for name in ("required_words", "banned_words", "banned_endings"):
        words = getattr(search, name)
        if name in chosen and (
            len(words) > MAX_NAMED or any(len(word) > MAX_NAME for word in words)
        ):
            raise SettingError(
                f"{name} was too long; this service accepts {MAX_NAMED} words of {MAX_NAME} "
                "characters each"
            )
