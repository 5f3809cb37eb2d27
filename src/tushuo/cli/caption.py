"""``tushuo caption``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import Weights
from tushuo.cli.runs import Device, ModelLanguage, Runs
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions
from tushuo.cli.sources import (
    encodable,
    expand,
    on_one_line,
    picture_of,
    require_name,
    stem_of,
)

if TYPE_CHECKING:
    from tushuo.captioning.caption import Caption
    from tushuo.errors import PictureError

BATCH_PICTURES = 16
PANEL_SIDE = 400  # pixels; smallest short side that attention panels are drawn from


@dataclass
class _Source:
    """A picture named on the command line; its content is kept for drawing."""

    name: str
    content: Path | bytes | None = None

    def open(self) -> Path | bytes:
        """Fetch the content."""
        self.content = picture_of(self.name)
        return self.content


def caption(
    *pictures: Annotated[
        str,
        Parameter(
            help="files, folders, globs, http(s) addresses, or - for standard input",
            allow_leading_hyphen=True,
        ),
    ],
    run: Runs = None,
    language: ModelLanguage = None,
    weights: Weights = None,
    device: Device = "cpu",
    json: Annotated[bool, Parameter(help="print one JSON object a line", negative="")] = False,
    output: Annotated[Path | None, Parameter(help="write to this file")] = None,
    attention: Annotated[
        Path | None, Parameter(help="folder for a figure of each caption's attention maps")
    ] = None,
    min_confidence: Annotated[
        float | None,
        Parameter(help="print 'not sure' and the reason below it; requires tushuo calibrate"),
    ] = None,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Caption pictures: files, folders, globs, http(s) addresses, or - for standard input.

    Example: tushuo caption photos/ --run run --json
    """
    from tushuo.captioning.batching import caption_all
    from tushuo.captioning.load import load
    from tushuo.errors import PictureError

    _require_pictures(pictures)
    captioner = load(run, language=language, weights=weights, device=device)
    config = with_given(captioner.info.search, search)
    if min_confidence is not None:
        _require_probability(min_confidence)
        captioner.require_confidence(config)
    sources = [_Source(name) for name in expand(pictures)]
    failed = 0
    file: TextIO = output.open("w", encoding="utf-8") if output else sys.stdout
    captions = caption_all(
        captioner, sources, _Source.open, config=config, batch_pictures=BATCH_PICTURES
    )
    try:
        for number, (source, result) in enumerate(captions):
            failed += isinstance(result, PictureError)
            if attention and not isinstance(result, PictureError):
                _draw(source, result, attention / f"{number:04d}_{stem_of(source.name)}.png")
            if not json and min_confidence is None:
                _warn(source.name, result)
            print(_line(source.name, result, json, min_confidence), file=file, flush=True)
            source.content = None  # many large files need not stay in memory
    finally:
        if output:
            file.close()
    return (2 if failed == len(sources) else 1) if failed else 0


def _require_pictures(names: tuple[str, ...]) -> None:
    from tushuo.errors import SettingError

    if not names:
        raise SettingError("no picture was given; name files, folders, or - for standard input")
    for name in names:
        require_name(name, "caption")
        if (Path(name) / "run.json").exists():
            raise SettingError(
                f"{name} is a run folder, not a picture; for an ensemble: --run RUN --run {name}"
            )


def _require_probability(min_confidence: float) -> None:
    from tushuo.errors import SettingError

    if not 0 <= min_confidence <= 1:
        raise SettingError(f"min-confidence was {min_confidence}, but must be from 0 to 1")


def _draw(source: _Source, caption: "Caption", path: Path) -> None:
    from tushuo.errors import SettingError
    from tushuo.pictures.pixels import to_pixels
    from tushuo.report.attention_panels import draw_attention_panels

    if caption.attention is None:
        raise SettingError("--attention was given, but this captioner has no attention maps")
    assert source.content is not None
    pixels = to_pixels(source.content, at_least=PANEL_SIDE)
    draw_attention_panels(
        pixels,
        caption.words,
        caption.attention,
        path,
        field_of_view=caption.field_of_view,
        title=caption.text,
    )


def _warn(name: str, result: "Caption | PictureError") -> None:
    """Warn that a caption of an out-of-distribution picture cannot be trusted."""
    from tushuo.errors import PictureError

    if not isinstance(result, PictureError) and result.out_of_distribution:
        shown = on_one_line(encodable(name))
        print(f"{shown}: {result.out_of_distribution}; do not trust its caption", file=sys.stderr)


def _line(
    name: str, result: "Caption | PictureError", json: bool, min_confidence: float | None
) -> str:
    from tushuo.errors import PictureError

    if json:
        return _json_line(encodable(name), result, min_confidence)
    if isinstance(result, PictureError):
        columns = [f"error: {on_one_line(encodable(str(result)))}"]
    elif unsure := _unsure_reason(result, min_confidence):
        likely = ", ".join(result.likely_concepts)
        columns = [f"not sure: {unsure}" + (f"; perhaps: {likely}" if likely else "")]
    else:
        columns = [result.text, *(other.text for other in result.alternatives)]
    shown = on_one_line(encodable(name))
    return "\n".join(f"{shown}\t{column}" for column in columns)


def _json_line(name: str, result: "Caption | PictureError", min_confidence: float | None) -> str:
    import msgspec

    from tushuo.errors import PictureError

    content: dict[str, object] = {"image": name}
    if isinstance(result, PictureError):
        content["error"] = encodable(str(result))
    elif unsure := _unsure_reason(result, min_confidence):
        content |= {"caption": None, **_trust(result), "unsure": unsure, **_concepts(result)}
        if result.likely_concepts:
            content["perhaps"] = result.likely_concepts
    else:
        content |= _fields(result) | _concepts(result)
        if result.alternatives:
            content["alternatives"] = [_fields(other) for other in result.alternatives]
    return msgspec.json.encode(content).decode()


def _unsure_reason(caption: "Caption", min_confidence: float | None) -> str | None:
    return None if min_confidence is None else caption.unsure_reason(min_confidence)


def _fields(caption: "Caption") -> dict[str, object]:
    return {
        "caption": caption.text,
        "log_prob": round(caption.log_prob, 4),
        **_trust(caption),
    }


def _trust(caption: "Caption") -> dict[str, object]:
    values = {"confidence": caption.confidence, "familiarity": caption.familiarity}
    return {name: round(value, 4) for name, value in values.items() if value is not None}


def _concepts(caption: "Caption") -> dict[str, object]:
    """Return what the picture shows and what supports each word, where it is known."""
    if caption.evidence is None:
        return {}
    pairs = zip(caption.words, caption.evidence, strict=True)
    return {
        "concepts": [one.rounded() for one in caption.concepts],
        "evidence": [one.rounded(word) for word, one in pairs],
    }
