"""``tushuo score``."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

References = Annotated[Path, Parameter(help="COCO captions JSON, or {id: [captions]}")]
Tokenizer = Annotated[
    Literal["ptb", "jieba", "characters"],
    Parameter(help="ptb is the official one; Chinese: jieba or characters"),
]
MeteorToo = Annotated[
    bool, Parameter(help="METEOR too; wants Java and the extra official", negative="")
]


def score(
    *,
    references: References,
    hypotheses: Annotated[Path, Parameter(help="COCO results JSON, or {id: caption}")],
    tokenizer: Tokenizer = "ptb",
    meteor: MeteorToo = False,
    json: Annotated[bool, Parameter(help="all, with a score a picture", negative="")] = False,
) -> int:
    """Score captions as the official COCO evaluator does, without Java.

    Example: tushuo score --references captions_val2014.json --hypotheses results.json
    """
    from dataclasses import asdict

    import msgspec
    from rich.console import Console
    from rich.table import Table

    from tushuo.metrics.read import read_hypotheses, read_references
    from tushuo.metrics.score import QUICK
    from tushuo.metrics.score import score as score_all

    said, people = read_hypotheses(hypotheses), read_references(references)
    found = score_all(
        said,
        people,
        tokenizer=tokenizer,
        metrics=(*QUICK, "meteor") if meteor else QUICK,
    )
    if json:
        pictures = {
            name: {"caption": said[name], "references": captions}
            for name, captions in people.items()
        }
        print(msgspec.json.encode({**asdict(found), "pictures": pictures}).decode())
        return 0
    table = Table("metric", "score", "95 % interval", box=None)
    for name, value in found.scores.items():
        interval = found.intervals[name]
        table.add_row(
            name,
            "-" if value is None else f"{value:.4f}",
            "-" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}",
        )
    Console().print(table)
    print(found.signature)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0
