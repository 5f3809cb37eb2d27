"""Who speaks: runs that are named, or the model that comes with tushuo."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Runs = Annotated[
    list[Path] | None,
    Parameter(
        help="the run folder; several: an ensemble; default: the model that comes with tushuo",
        negative="",
    ),
]
ModelLanguage = Annotated[
    Literal["en", "zh"] | None, Parameter(help="what it speaks; en unless given or a run is named")
]


def named_or_shipped(run: list[Path] | None, language: Literal["en", "zh"]) -> list[Path]:
    """Return the runs that were named, or the model of the language that comes with tushuo.

    Raises:
        RunError: no model of the language is installed.
    """
    from tushuo.models import shipped

    return run or [shipped(language)]
