"""``tushuo compare``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tushuo.cli.score import MeteorToo, References, Tokenizer


def compare(
    first: Path,
    second: Path,
    *,
    references: References,
    tokenizer: Tokenizer = "ptb",
    seed: Annotated[int, Parameter(help="of the bootstrap and of the swaps")] = 0,
    meteor: MeteorToo = False,
    json: Annotated[bool, Parameter(help="JSON instead of a table", negative="")] = False,
) -> int:
    """Say whether two sets of captions differ by more than chance: bootstrap, swaps, wins.

    Example: tushuo compare greedy.json beam.json --references captions_val2014.json
    """
    import msgspec
    from rich.console import Console
    from rich.table import Table

    from tushuo.metrics.compare import compare as compare_all
    from tushuo.metrics.read import read_hypotheses, read_references
    from tushuo.metrics.score import QUICK

    found = compare_all(
        read_hypotheses(first),
        read_hypotheses(second),
        read_references(references),
        tokenizer=tokenizer,
        metrics=(*QUICK, "meteor") if meteor else QUICK,
        seed=seed,
    )
    if json:
        print(msgspec.json.encode(found).decode())
        return 0
    heads = (
        "metric",
        first.stem,
        second.stem,
        "difference",
        "95 % interval",
        "p",
        "wins",
        "losses",
    )
    table = Table(*heads, box=None)
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
    return 0
