"""``tushuo explain``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from tushuo.cli.caption import content_of, encodable, require_no_option, stem_of
from tushuo.cli.flags import with_given
from tushuo.cli.options import Weights
from tushuo.cli.runs import ModelLanguage, Runs
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions

if TYPE_CHECKING:
    from rich.table import Table

    from tushuo.captioning.caption import Explanation
    from tushuo.search.config import SearchConfig

BAR = 24  # marks of a probability of 1
SHOWN = 3  # captions of a search on the page, unless --n-best says more


def explain(
    picture: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    run: Runs = None,
    language: ModelLanguage = None,
    weights: Weights = None,
    output: Annotated[
        Path | None, Parameter(help="the page; default: NAME-explained.html here")
    ] = None,
    gif: Annotated[Path | None, Parameter(help="an animation too, a frame a word")] = None,
    json: Annotated[bool, Parameter(help="print JSON instead of bars", negative="")] = False,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Caption one picture and show why: likeliest words here, a page of what each word looked at.

    PICTURE: a file, an http(s) address, or - for standard input.

    Example: tushuo explain photo.jpg --run run --search beam --gif photo.gif
    """
    from rich.console import Console

    from tushuo.captioning.caption import Explanation
    from tushuo.captioning.native import load
    from tushuo.pictures.opening import open_picture
    from tushuo.report.attention_gif import write_looks_gif
    from tushuo.report.explain_page import SIDE, write_explain_page

    require_no_option(picture, "explain")
    captioner = load(run, language=language, weights=weights)
    spec = captioner.encoder.spec
    config = with_given(captioner.run.config.search, search)
    content = content_of(picture)
    opened = open_picture(content, at_least=spec.side)  # as caption opens it
    found: dict[str, Explanation] = {
        how.search: captioner.explain(opened, config=how) for how in _searches(config)
    }
    asked = found[config.search]
    large = open_picture(content, at_least=SIDE)
    page = output or Path(f"{stem_of(picture)}-explained.html")
    write_explain_page(page, large, found, spec, title=encodable(stem_of(picture)))
    print(f"page: {encodable(str(page))}", file=sys.stderr)
    if gif:
        write_looks_gif(gif, large, asked.caption.words, asked.caption.attention, spec)
        print(f"animation: {gif}", file=sys.stderr)
    if json:
        print(_encoded(picture, asked))
    else:
        _show(asked, Console(highlight=False))
    return 0


def _searches(asked: "SearchConfig") -> "list[SearchConfig]":
    """Return what the page shows: what was asked for, then the other searches beside it."""
    from dataclasses import replace

    many = max(asked.n_best, SHOWN)
    others = [
        replace(asked, search="greedy", n_best=1, required_words=()),
        replace(asked, search="beam", n_best=min(many, asked.beam_size)),
        replace(asked, search="sample", n_best=many, required_words=()),
    ]
    first = next((one for one in others if one.search == asked.search), asked)
    return [first, *(one for one in others if one.search != asked.search)]


def _show(found: "Explanation", console: Any) -> None:
    """Print a caption, then at each word's place the likeliest words with bars."""
    console.print(found.caption.text, style="bold", markup=False)
    sure = found.caption.confidence
    told = "" if sure is None else f", fits the picture with probability {sure:.2f}"
    console.print(f"log-probability {found.caption.log_prob:.2f}{told}")
    if found.caption.out_of_distribution:
        console.print(f"the picture is {found.caption.out_of_distribution}", style="yellow")
    console.print()
    console.print(_bars(found))


def _bars(found: "Explanation") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table("", "said", "likeliest", "", "probability", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    said = [*found.caption.words, "<end>"][: len(found.caption.log_probs)]
    for place, (word, rivals) in enumerate(zip(said, found.steps, strict=True), 1):
        for rank, rival in enumerate(rivals):
            own = "bold" if rival.word == word else ""
            table.add_row(
                *((str(place), Text(word, "bold")) if rank == 0 else ("", "")),
                Text(rival.word, own),
                Text(_bar(rival.probability), "cyan" if own else "dim"),
                Text(f"{rival.probability:.3f}", own),
            )
    return table


def _bar(probability: float) -> str:
    halves = round(2 * BAR * probability)
    return "━" * (halves // 2) + "╸" * (halves % 2)


def _encoded(picture: str, found: "Explanation") -> str:
    import msgspec

    caption = found.caption
    said = [*caption.words, "<end>"][: len(caption.log_probs)]
    steps = [
        {"word": word, "log_prob": round(log_prob, 4), "likeliest": rivals}
        for word, log_prob, rivals in zip(said, caption.log_probs, found.steps, strict=True)
    ]
    answer = {
        "image": encodable(picture),
        "caption": caption.text,
        "log_prob": round(caption.log_prob, 4),
        "confidence": caption.confidence,
        "familiarity": caption.familiarity,
        "steps": steps,
    }
    return msgspec.json.encode(answer).decode()
