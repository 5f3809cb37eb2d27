"""Options that choose a captioner: runs, the model that comes with the package, the device."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Runs = Annotated[
    list[Path] | None,
    Parameter(
        help="run folder; repeat it for an ensemble; default: the model that comes with tushuo",
        negative="",
    ),
]
ModelLanguage = Annotated[
    Literal["en", "zh"] | None,
    Parameter(help="language of the captions; default: that of --run, or en"),
]
Device = Annotated[str, Parameter(help="where the networks run, such as cpu, cuda or cuda:1")]


def named_or_shipped(run: list[Path] | None, language: Literal["en", "zh"]) -> list[Path]:
    """Return the given runs, or the model of the language that comes with the package.

    Raises:
        RunError: no model of the language is installed.
    """
    from tushuo.models import shipped

    return run or [shipped(language)]
