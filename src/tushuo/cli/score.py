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
    Parameter(help="ptb: the official one; jieba or characters: for Chinese"),
]
DocumentFrequencies = Annotated[
    Path | None, Parameter(help="document frequencies for CIDEr, saved by --save-df")
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OptionalMetrics:
    """Metrics that require more than tushuo alone."""

    meteor: Annotated[
        bool | None,
        Parameter(help="METEOR; by default for English if its data is installed (extra official)"),
    ] = None
    meteor_java: Annotated[
        bool, Parameter(help="METEOR by the official program; requires Java too", negative="")
    ] = False
    spice: Annotated[
        bool,
        Parameter(help="SPICE; requires the extra official, Java and its parser", negative=""),
    ] = False

    def names(self, tokenizer: str) -> tuple[str, ...]:
        """Return the names of all selected metrics in the official order.

        Prints a note where METEOR would be a default but is not installed.

        Raises:
            SettingError: METEOR was selected in both ways.
        """
        from tushuo.errors import SettingError
        from tushuo.metrics.meteor.extra import installed
        from tushuo.metrics.official import INSTALL
        from tushuo.metrics.score import METRICS

        if self.meteor and self.meteor_java:
            raise SettingError(
                "--meteor and --meteor-java compute the same score; pass only one of them"
            )
        meteor = self.meteor
        if meteor is None and tokenizer == "ptb" and not self.meteor_java:
            meteor = installed()
            if not meteor:
                print_notes([f"METEOR is left out; to include it: {INSTALL}"])
        optional = {"meteor": meteor, "meteor-java": self.meteor_java, "spice": self.spice}
        return tuple(name for name in METRICS if optional.get(name, True))


DEFAULT_METRICS = OptionalMetrics()


def score(
    *,
    references: References,
    hypotheses: Annotated[Path, Parameter(help="COCO results JSON, or {id: caption}")],
    tokenizer: Tokenizer = "ptb",
    optional: OptionalMetrics = DEFAULT_METRICS,
    df: DocumentFrequencies = None,
    save_df: Annotated[
        Path | None, Parameter(help="file to save these references' document frequencies in")
    ] = None,
    json: Annotated[
        bool, Parameter(help="JSON with the scores of each picture", negative="")
    ] = False,
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

    captions, people = read_hypotheses(hypotheses), read_references(references)
    scores = score_all(
        captions,
        people,
        tokenizer=tokenizer,
        metrics=optional.names(tokenizer),
        frequencies=DocumentFrequencies.load(df) if df else None,
    )
    if save_df:
        frequencies_of(corpus_of(captions, people, tokenizer), tokenizer=tokenizer).save(save_df)
    if json:
        pictures = {
            name: {"caption": captions[name], "references": written}
            for name, written in people.items()
        }
        print(msgspec.json.encode({**asdict(scores), "pictures": pictures}).decode())
        return 0
    table = Table("metric", "score", "95 % interval", box=None)
    for name, value in scores.scores.items():
        table.add_row(name, format_number(value), format_interval(scores.intervals[name]))
    Console().print(table)
    print(scores.signature)
    print_notes(scores.notes)
    return 0


def format_number(value: float | int | None) -> str:
    """Format a score or a count; an undefined one is a dash."""
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.4f}"


def format_interval(ends: tuple[float, float] | None) -> str:
    """Format both ends of an interval; an undefined one is a dash."""
    return "-" if ends is None else f"{format_number(ends[0])} to {format_number(ends[1])}"


def print_notes(notes: Iterable[str]) -> None:
    """Print notes on the scores to stderr."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
