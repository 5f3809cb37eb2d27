"""``tushuo caption``."""

import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import Weights
from tushuo.cli.runs import ModelLanguage, Runs
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions

if TYPE_CHECKING:
    from tushuo.captioning.caption import Caption
    from tushuo.captioning.native import NativeCaptioner, Pixels
    from tushuo.encoders.spec import EncoderSpec
    from tushuo.search.config import SearchConfig

BATCH_PICTURES = 16
LONGEST_DOWNLOAD = 50_000_000  # bytes
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def caption(
    *pictures: Annotated[str, Parameter(allow_leading_hyphen=True)],  # for - alone
    run: Runs = None,
    language: ModelLanguage = None,
    weights: Weights = None,
    json: Annotated[bool, Parameter(help="a JSON object a line", negative="")] = False,
    output: Annotated[Path | None, Parameter(help="write there instead of the terminal")] = None,
    attention: Annotated[
        Path | None, Parameter(help="folder for a picture of what each word looked at")
    ] = None,
    min_confidence: Annotated[
        float | None,
        Parameter(help="below it, say that it is not sure, and why; wants tushuo calibrate"),
    ] = None,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Caption pictures: files, folders, globs, http(s) addresses, or - for standard input.

    Example: tushuo caption photos/ --run run --json
    """
    from tushuo.captioning.native import load
    from tushuo.errors import SettingError
    from tushuo.pictures.finding import find_pictures

    if not pictures:
        raise SettingError("no picture was given; name files, folders, or - for standard input")
    for named in pictures:
        require_no_option(named, "caption")
        if (Path(named) / "run.json").exists():
            raise SettingError(
                f"{named} is a run folder, not pictures; an ensemble is --run RUN --run {named}"
            )
    captioner = load(run, language=language, weights=weights)
    config = with_given(captioner.run.config.search, search)
    if min_confidence is not None:
        if not 0 <= min_confidence <= 1:
            raise SettingError(f"min-confidence was {min_confidence}, it must be from 0 to 1")
        captioner.require_calibration(config)
    sources = [
        source
        for named in pictures
        for source in ([named] if _special(named) else map(str, find_pictures([named])))
    ]
    failed = 0
    file: TextIO = output.open("w", encoding="utf-8") if output else sys.stdout
    try:
        for source, told in _captions(captioner, sources, config, attention):
            failed += isinstance(told, str)
            if (
                not json
                and min_confidence is None
                and not isinstance(told, str)
                and told.out_of_distribution
            ):
                shown = _on_one_line(encodable(source))
                print(
                    f"{shown}: {told.out_of_distribution}; its caption is a guess", file=sys.stderr
                )
            print(_line(source, told, json, min_confidence), file=file, flush=True)
    finally:
        if output:
            file.close()
    return (2 if failed == len(sources) else 1) if failed else 0


def _special(named: str) -> bool:
    return named == "-" or bool(ADDRESS.match(named))


def _captions(
    captioner: "NativeCaptioner", sources: list[str], config: "SearchConfig", attention: Path | None
) -> Iterator[tuple[str, "Caption | str"]]:
    """Caption in batches; a picture that cannot be opened gives its error in its place."""
    from tushuo.errors import FetchError, PictureError
    from tushuo.pictures.opening import open_picture

    side = captioner.encoder.spec.side
    for start in range(0, len(sources), BATCH_PICTURES):
        batch = sources[start : start + BATCH_PICTURES]
        opened: dict[int, Pixels] = {}
        told: dict[int, Caption | str] = {}
        for place, source in enumerate(batch):
            try:
                opened[place] = open_picture(content_of(source), at_least=side)
            except (PictureError, FetchError) as error:
                told[place] = str(error)
        found = captioner.caption_batch(list(opened.values()), config=config)
        told |= zip(opened, found, strict=True)
        for place, source in enumerate(batch):
            answer = told[place]
            if attention and not isinstance(answer, str):
                named = f"{start + place:04d}_{stem_of(source)}"
                _draw(opened[place], answer, captioner.encoder.spec, attention, named)
            yield source, answer


def require_no_option(named: str, command: str) -> None:
    """Refuse what looks like an option where a picture is expected: it is one that was mistyped.

    Raises:
        SettingError: it begins with a stroke, and no file is called so.
    """
    from tushuo.errors import SettingError

    if named.startswith("-") and named != "-" and not Path(named).exists():
        raise SettingError(f"option {named} is unknown; see: tushuo {command} --help")


def content_of(source: str) -> Path | bytes:
    """Return a picture file's path, or what an address or standard input holds.

    Raises:
        FetchError: it cannot be had from its address.
    """
    from tushuo.fetch import fetch_bytes

    if source == "-":
        return sys.stdin.buffer.read()
    return fetch_bytes(source, most=LONGEST_DOWNLOAD) if _special(source) else Path(source)


def stem_of(source: str) -> str:
    """Return what files made of a picture are named by."""
    return "picture" if _special(source) else Path(source).stem


def _draw(
    picture: "Pixels", told: "Caption", spec: "EncoderSpec", folder: Path, named: str
) -> None:
    from tushuo.report.attention_panels import draw_attention_panels

    path = folder / f"{named}.png"
    draw_attention_panels(picture, told.words, told.attention, path, spec=spec, title=told.text)


def _line(source: str, told: "Caption | str", json: bool, least: float | None) -> str:
    import msgspec

    unsure_reason = None if isinstance(told, str) or least is None else told.unsure_reason(least)
    source = encodable(source)
    told = encodable(told) if isinstance(told, str) else told
    if not json:
        source = _on_one_line(source)
        said = [f"error: {_on_one_line(told)}"] if isinstance(told, str) else _all(told)
        said = [f"not sure: {unsure_reason}"] if unsure_reason else said
        return "\n".join(f"{source}\t{one}" for one in said)
    answer: dict[str, object] = {"image": source}
    if isinstance(told, str):
        answer["error"] = told
    elif unsure_reason:
        answer |= {"caption": None, **_sure(told), "unsure": unsure_reason}
    else:
        answer |= _answer(told)
        if told.alternatives:
            answer["alternatives"] = [_answer(other) for other in told.alternatives]
    return msgspec.json.encode(answer).decode()


def encodable(text: str) -> str:
    """Write what of a file name is no UTF-8 as an escape."""
    return text.encode(errors="backslashreplace").decode()


def _on_one_line(text: str) -> str:
    """Write what of a file name ends a line or moves the cursor as an escape."""
    return "".join(repr(one)[1:-1] if unicodedata.category(one) == "Cc" else one for one in text)


def _all(told: "Caption") -> list[str]:
    return [told.text, *(other.text for other in told.alternatives)]


def _answer(told: "Caption") -> dict[str, object]:
    return {"caption": told.text, "log_prob": round(told.log_prob, 4), **_sure(told)}


def _sure(told: "Caption") -> dict[str, object]:
    """Return what is known of how far a caption and its picture can be trusted."""
    known = {"confidence": told.confidence, "familiarity": told.familiarity}
    return {name: round(value, 4) for name, value in known.items() if value is not None}
