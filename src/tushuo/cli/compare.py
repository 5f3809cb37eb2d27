"""``tushuo compare``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tushuo.cli.score import NO_MORE, DocumentFrequencies, MoreMetrics, References, Tokenizer


def compare(
    first: Path,
    second: Path,
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
    from rich.console import Console
    from rich.table import Table

    from tushuo.errors import SettingError, SignatureError
    from tushuo.metrics.compare import compare as compare_all
    from tushuo.metrics.compare import incomparable
    from tushuo.metrics.frequencies import Frequencies
    from tushuo.metrics.read import read_hypotheses, read_references, read_signature
    from tushuo.metrics.score import signature_of

    if seed < 0:
        raise SettingError(f"seed was {seed}, it must be at least 0")
    people = read_references(references)
    frequencies = Frequencies.load(df) if df else None
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
        return 0
    table = Table(box=None)
    for head in (
        "metric",
        first.stem,
        second.stem,
        "change",
        "95 % interval",
        "p",
        "wins",
        "losses",
    ):
        table.add_column(head, no_wrap=True, max_width=18 if head == "95 % interval" else 8)
    for name, of in found.items():
        table.add_row(
            name,
            f"{of.first:.4f}",
            f"{of.second:.4f}",
            f"{of.first - of.second:+.4f}",
            f"{of.interval[0]:+.4f} to {of.interval[1]:+.4f}",
            f"{of.p:.3f}",
            str(of.wins),
            str(of.losses),
        )
    Console().print(table)
    print(signature_of(people, tokenizer=tokenizer, frequencies=frequencies, metrics=names))
    return 0
