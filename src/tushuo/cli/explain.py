"""``tushuo explain``."""

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import Weights
from tushuo.cli.runs import NO_MODEL, Device, Model, ModelLanguage, Runs, open_captioner
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions
from tushuo.cli.sources import encodable, picture_of, require_name, stem_of

if TYPE_CHECKING:
    from rich.text import Text

    from tushuo.captioning.caption import Explanation, TokenProbability
    from tushuo.search.config import SearchConfig

    Layout = tuple[list[str], list[list[Text]]]  # headings and rows of a table

BAR_WIDTH = 24  # characters of a probability of 1
SHOWN_CAPTIONS = 3  # captions of each search on the page, unless --n-best asks for more


def explain(
    picture: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    run: Runs = None,
    language: ModelLanguage = None,
    weights: Weights = None,
    device: Device = "cpu",
    output: Annotated[
        Path | None, Parameter(help="HTML page; default: NAME-explained.html here")
    ] = None,
    gif: Annotated[
        Path | None, Parameter(help="also write an animation of the attention maps")
    ] = None,
    json: Annotated[
        bool, Parameter(help="print JSON instead of the bar chart", negative="")
    ] = False,
    model: Model = NO_MODEL,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Caption one picture and show why: the most probable words at each step, and attention maps.

    PICTURE: a file, an http(s) address, or - for standard input. The page shows the captions of
    several searches; the terminal shows those of the chosen one.

    Example: tushuo explain photo.jpg --run run --search beam --gif photo.gif
    """
    from rich.console import Console

    from tushuo.captioning.caption import Explanation
    from tushuo.pictures.pixels import to_pixels
    from tushuo.report.attention_gif import write_attention_gif
    from tushuo.report.explain_page import SIDE, write_explain_page

    require_name(picture, "explain")
    captioner = open_captioner(run, model, language=language, weights=weights, device=device)
    config = with_given(captioner.info.search, search)
    content = picture_of(picture)
    explanations: dict[str, Explanation] = {}  # by the search that was used
    for one in _searches(config):
        explanation = captioner.explain(content, config=one)
        explanations[explanation.search or one.search] = explanation
    chosen = next(iter(explanations.values()))
    pixels = to_pixels(content, at_least=SIDE)
    page = output or Path(f"{stem_of(picture)}-explained.html")
    write_explain_page(page, pixels, explanations, title=encodable(stem_of(picture)))
    print(f"page: {encodable(str(page))}", file=sys.stderr)
    if gif:
        write_attention_gif(gif, pixels, chosen.caption)
        print(f"animation: {gif}", file=sys.stderr)
    if json:
        print(_json(picture, chosen))
    else:
        _show(chosen, Console(highlight=False))
    return 0


def _searches(chosen: "SearchConfig") -> "list[SearchConfig]":
    """Return the searches of the page: the chosen one, then the others to compare with."""
    from dataclasses import replace

    count = max(chosen.n_best, SHOWN_CAPTIONS)
    variants = [
        replace(chosen, search="greedy", n_best=1, required_words=()),
        replace(chosen, search="beam", n_best=min(count, chosen.beam_size)),
        replace(chosen, search="sample", n_best=count, required_words=()),
    ]
    first = next((one for one in variants if one.search == chosen.search), chosen)
    return [first, *(one for one in variants if one.search != chosen.search)]


def _show(explanation: "Explanation", console: Any) -> None:
    """Print a caption, then a bar chart of the most probable words at each step."""
    caption = explanation.caption
    console.print(caption.text, style="bold", markup=False)
    confidence = "" if caption.confidence is None else f", confidence {caption.confidence:.2f}"
    console.print(f"log-probability {caption.log_prob:.2f}{confidence}")
    if caption.out_of_distribution:
        console.print(caption.out_of_distribution, style="yellow")
    if caption.concepts:
        found = ", ".join(f"{one.word} {one.probability:.2f}" for one in caption.concepts)
        console.print(f"concepts: {found}", markup=False)
    console.print()
    _show_candidates(explanation, console)


def _show_candidates(explanation: "Explanation", console: Any) -> None:
    """Print the most probable words at each step: with bars, without them, or below each other."""
    from tushuo.cli.tables import print_table, width_of

    with_bars = partial(_with_bars, plain=console.options.ascii_only)
    for layout in (with_bars, _without_bars, _below_each_other):
        headings, rows = layout(explanation)
        if width_of(headings, rows) <= console.width:
            break
    print_table(headings, rows, wraps=(), console=console)


def _with_bars(explanation: "Explanation", *, plain: bool) -> "Layout":
    from rich.text import Text

    headings, rows = _without_bars(explanation)
    candidates = [one for step in explanation.steps for one in step]
    for row, candidate in zip(rows, candidates, strict=True):
        chosen = "bold" in str(row[-1].style)
        row.insert(-1, Text(_bar(candidate.probability, plain), "cyan" if chosen else "dim"))
    return [*headings[:-1], "", headings[-1]], rows


def _without_bars(explanation: "Explanation") -> "Layout":
    from rich.text import Text

    evidence = _evidence_texts(explanation)
    rows = []
    for number, (word, candidates) in enumerate(_steps(explanation), 1):
        step = [Text(f"{number:2}"), Text(word, "bold")]
        step += [Text(evidence[number - 1])] if evidence else []
        for rank, cells in enumerate(_cells(word, candidates)):
            rows.append([*(step if rank == 0 else [Text()] * len(step)), *cells])
    return ["", "word", *(["evidence"] if evidence else []), "candidates", "probability"], rows


def _below_each_other(explanation: "Explanation") -> "Layout":
    from rich.text import Text

    evidence, rows = _evidence_texts(explanation), []
    for number, (word, candidates) in enumerate(_steps(explanation), 1):
        support = f", {evidence[number - 1]}" if evidence and evidence[number - 1] else ""
        rows.append([Text.assemble(f"{number} ", (word, "bold"), support), Text()])
        rows += [[Text("   ") + name, value] for name, value in _cells(word, candidates)]
    return ["candidates", "probability"], rows


def _steps(explanation: "Explanation") -> "Iterable[tuple[str, Sequence[TokenProbability]]]":
    return zip(_words(explanation), explanation.steps, strict=True)


def _cells(word: str, candidates: "Sequence[TokenProbability]") -> "list[list[Text]]":
    """Return the name and the probability of each candidate; the chosen one is bold."""
    from rich.text import Text

    styles = ["bold" if one.word == word else "" for one in candidates]
    return [
        [Text(one.word, style), Text(f"{one.probability:.3f}", style)]
        for one, style in zip(candidates, styles, strict=True)
    ]


def _evidence_texts(explanation: "Explanation") -> list[str]:
    """Return what supports each word, and nothing for the end token; empty where it is unknown."""
    evidence = explanation.caption.evidence or ()
    texts = [
        ""
        if one.kind == "function"
        else f"seen {one.concept.probability:.2f}"
        if one.kind == "seen" and one.concept
        else "text"
        for one in evidence
    ]
    return [*texts, ""] if texts else []


def _words(explanation: "Explanation") -> list[str]:
    """Return the caption's words, and the end token if it was decoded."""
    caption = explanation.caption
    return [*caption.words, "<end>"][: len(caption.log_probs)]


def _bar(probability: float, plain: bool) -> str:
    """Draw a bar; a plain one where the terminal has only ASCII characters."""
    halves = round(2 * BAR_WIDTH * probability)
    if plain:
        return "=" * (halves // 2)
    return "━" * (halves // 2) + "╸" * (halves % 2)


def _json(picture: str, explanation: "Explanation") -> str:
    import msgspec

    caption = explanation.caption
    rows = zip(_words(explanation), caption.log_probs, explanation.steps, strict=True)
    content = {
        "image": encodable(picture),
        "caption": caption.text,
        "log_prob": round(caption.log_prob, 4),
        "confidence": caption.confidence,
        "familiarity": caption.familiarity,
        "concepts": [one.rounded() for one in caption.concepts],
        "evidence": [
            one.rounded(word)
            for word, one in zip(caption.words, caption.evidence or (), strict=False)
        ],
        "steps": [
            {"word": word, "log_prob": round(log_prob, 4), "candidates": candidates}
            for word, log_prob, candidates in rows
        ],
    }
    return msgspec.json.encode(content).decode()
