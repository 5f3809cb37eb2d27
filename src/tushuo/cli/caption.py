"""``tushuo caption``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import Weights
from tushuo.cli.picture_log import PictureLog
from tushuo.cli.runs import NO_MODEL, Device, Model, ModelLanguage, Runs, open_captioner
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions
from tushuo.cli.sources import (
    encodable,
    expand,
    on_one_line,
    picture_of,
    require_name,
    stem_of,
)
from tushuo.runtime import naming

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
    model: Model = NO_MODEL,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Caption pictures: files, folders, globs, http(s) addresses, or - for standard input.

    Prints the picture's name, a tab and its caption, a line for each caption. A picture that cannot
    be opened has no such line: its error goes to standard error, with --json into its object.
    The exit code is 0 if all pictures were captioned, 1 if some failed, and 2 if all did or the
    command could not run.

    Example: tushuo caption photos/ --run run --json
    """
    from tushuo.captioning.batching import caption_all
    from tushuo.cli.progress import progress_of
    from tushuo.errors import PictureError

    _require_pictures(pictures)
    captioner = open_captioner(run, model, language=language, weights=weights, device=device)
    config = with_given(captioner.info.search, search)
    if min_confidence is not None:
        _require_probability(min_confidence)
        captioner.require_confidence(config)
    sources = [_Source(name) for name in expand(pictures)]
    log = PictureLog(len(sources), done="captioned", json=json)
    with _lines_to(output) as write, progress_of("caption", sources, BATCH_PICTURES) as progress:
        captions = caption_all(
            captioner,
            sources,
            _Source.open,
            config=config,
            batch_pictures=BATCH_PICTURES,
            progress=progress,
            total=len(sources),
        )
        for number, (source, result) in enumerate(captions):
            if isinstance(result, PictureError):
                log.failed(source.name, result)
            else:
                if attention:
                    _draw(source, result, attention / f"{number:04d}_{stem_of(source.name)}.png")
                if result.out_of_distribution and not json and min_confidence is None:
                    log.unusual(source.name, result.out_of_distribution)
            if json or not isinstance(result, PictureError):
                write(_line(source.name, result, json, min_confidence))
            source.content = None  # many large files need not stay in memory
    return log.close()


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


@contextmanager
def _lines_to(output: Path | None) -> Iterator[Callable[[str], None]]:
    """Return a function that writes a line, to a file or to standard output."""
    if output is None:
        yield lambda line: print(line, flush=True)
        return
    with naming(output), output.open("w", encoding="utf-8") as file:
        yield lambda line: print(line, file=file, flush=True)


def _line(
    name: str, result: "Caption | PictureError", json: bool, min_confidence: float | None
) -> str:
    from tushuo.errors import PictureError

    if json or isinstance(result, PictureError):
        return _json_line(encodable(name), result, min_confidence)
    if unsure := _unsure_reason(result, min_confidence):
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
