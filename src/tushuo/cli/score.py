"""``tushuo score``."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

References = Annotated[Path, Parameter(help="COCO captions JSON, or {id: [captions]}")]
Tokenizer = Annotated[
    Literal["ptb", "jieba", "characters"],
    Parameter(help="ptb is the official one; Chinese: jieba or characters"),
]

DocumentFrequencies = Annotated[
    Path | None, Parameter(help="CIDEr by the document frequencies of --save-df, not these ones")
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class MoreMetrics:
    """Metrics that want more than tushuo alone."""

    meteor: Annotated[
        bool | None,
        Parameter(help="METEOR; default: of English, where its data is (extra official)"),
    ] = None
    meteor_java: Annotated[
        bool, Parameter(help="METEOR by the official program; wants Java too", negative="")
    ] = False
    spice: Annotated[
        bool,
        Parameter(help="SPICE too; wants the extra official, Java and its parser", negative=""),
    ] = False

    def names(self, tokenizer: str) -> tuple[str, ...]:
        """Return all metrics that are wanted, in the official order; say what is missing for one.

        Raises:
            SettingError: METEOR was asked for in both ways.
        """
        from tushuo.errors import SettingError
        from tushuo.metrics.meteor.extra import INSTALL, installed
        from tushuo.metrics.score import METRICS

        if self.meteor and self.meteor_java:
            raise SettingError(
                "--meteor and --meteor-java came together; they give one score, choose one way"
            )
        meteor = self.meteor
        if meteor is None and tokenizer == "ptb" and not self.meteor_java:
            meteor = installed()
            if not meteor:
                print(f"note: METEOR is left out; for it: {INSTALL}", file=sys.stderr)
        asked = {"meteor": meteor, "meteor-java": self.meteor_java, "spice": self.spice}
        return tuple(name for name in METRICS if asked.get(name, True))


NO_MORE = MoreMetrics()


def score(
    *,
    references: References,
    hypotheses: Annotated[Path, Parameter(help="COCO results JSON, or {id: caption}")],
    tokenizer: Tokenizer = "ptb",
    more: MoreMetrics = NO_MORE,
    df: DocumentFrequencies = None,
    save_df: Annotated[
        Path | None, Parameter(help="keep the document frequencies of these references there")
    ] = None,
    json: Annotated[bool, Parameter(help="all, with a score a picture", negative="")] = False,
) -> int:
    """Score captions as the official COCO evaluator does, without Java.

    Example: tushuo score --references captions_val2014.json --hypotheses results.json
    """
    from dataclasses import asdict

    import msgspec
    from rich.console import Console
    from rich.table import Table

    from tushuo.metrics.cider import frequencies_of
    from tushuo.metrics.document_frequencies import DocumentFrequencies
    from tushuo.metrics.read import read_hypotheses, read_references
    from tushuo.metrics.score import corpus_of
    from tushuo.metrics.score import score as score_all

    said, people = read_hypotheses(hypotheses), read_references(references)
    found = score_all(
        said,
        people,
        tokenizer=tokenizer,
        metrics=more.names(tokenizer),
        frequencies=DocumentFrequencies.load(df) if df else None,
    )
    if save_df:
        frequencies_of(corpus_of(said, people, tokenizer), tokenizer=tokenizer).save(save_df)
    if json:
        pictures = {
            name: {"caption": said[name], "references": captions}
            for name, captions in people.items()
        }
        print(msgspec.json.encode({**asdict(found), "pictures": pictures}).decode())
        return 0
    table = Table("metric", "score", "95 % interval", box=None)
    for name, value in found.scores.items():
        table.add_row(name, number(value), interval(found.intervals[name]))
    Console().print(table)
    print(found.signature)
    say(found.notes)
    return 0


def number(value: float | int | None) -> str:
    """Write a score or a count; one that cannot be told is a stroke."""
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.4f}"


def interval(ends: tuple[float, float] | None) -> str:
    """Write both ends of an interval."""
    return "-" if ends is None else f"{number(ends[0])} to {number(ends[1])}"


def say(notes: Iterable[str]) -> None:
    """Tell on stderr what a reader of the scores must know."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
