"""``tushuo compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tushuo.cli.score import (
    NO_MORE,
    DocumentFrequencies,
    MoreMetrics,
    References,
    Tokenizer,
    number,
    say,
)

if TYPE_CHECKING:
    from tushuo.metrics.compare import Difference


def compare(
    first: Annotated[Path, Parameter(help="captions, or scores of them")],
    second: Annotated[Path, Parameter(help="others of the same pictures")],
    *,
    references: References,
    tokenizer: Tokenizer = "ptb",
    seed: Annotated[int, Parameter(help="of the bootstrap and of the swaps")] = 0,
    more: MoreMetrics = NO_MORE,
    df: DocumentFrequencies = None,
    force: Annotated[
        bool, Parameter(help="compare what was scored otherwise, anew", negative="")
    ] = False,
    json: Annotated[bool, Parameter(help="JSON instead of a table", negative="")] = False,
) -> int:
    """Say whether two sets of captions differ by more than chance: bootstrap, swaps, wins.

    Files of captions, or of scores (--json of score and evaluate): these are refused where they
    were scored with other references, words or document frequencies.

    Example: tushuo compare greedy.json beam.json --references captions_val2014.json
    """
    import msgspec

    from tushuo.errors import SettingError, SignatureError
    from tushuo.metrics.compare import compare as compare_all
    from tushuo.metrics.compare import incomparable
    from tushuo.metrics.document_frequencies import DocumentFrequencies
    from tushuo.metrics.read import read_hypotheses, read_references, read_signature
    from tushuo.metrics.score import notes_on, signature_of

    if seed < 0:
        raise SettingError(f"seed was {seed}, it must be at least 0")
    people = read_references(references)
    frequencies = DocumentFrequencies.load(df) if df else None
    wanted = signature_of(people, tokenizer=tokenizer, frequencies=frequencies)
    told = incomparable({str(path): read_signature(path) for path in (first, second)}, wanted)
    if told and not force:
        raise SignatureError(f"{told}; give what they were scored with, or --force to score anew")
    names = more.names(tokenizer)
    found = compare_all(
        read_hypotheses(first),
        read_hypotheses(second),
        people,
        tokenizer=tokenizer,
        frequencies=frequencies,
        metrics=names,
        seed=seed,
    )
    if json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(found, first, second)
        print(signature_of(people, tokenizer=tokenizer, frequencies=frequencies, metrics=names))
    say(notes_on(len(people), frequencies))
    return 0


def _show(found: "dict[str, Difference | None]", first: Path, second: Path) -> None:
    """Print a row for each score; that of one which cannot be told is empty."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    heads = ("metric", first.stem, second.stem, "change", "95 % interval", "p", "wins", "losses")
    for head in heads:  # a long name is folded: cut off, two names may look alike
        table.add_column(head, overflow="fold", max_width=18 if head == "95 % interval" else 8)
    for name, of in found.items():
        if of is None:
            table.add_row(name, *["-"] * (len(heads) - 1))
            continue
        table.add_row(
            name,
            number(of.first),
            number(of.second),
            f"{of.first - of.second:+.4f}",
            f"{of.interval[0]:+.4f} to {of.interval[1]:+.4f}",
            f"{of.p:.3f}",
            str(of.wins),
            str(of.losses),
        )
    Console().print(table)
