"""Options shared by several commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter, Token


def _whole_number(_kind: Any, tokens: Sequence[Token]) -> int:
    """Parse a whole number; cyclopts would round others."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, got {text!r}") from None


NAME_ALL = "to name them all: tushuo data check DATA --json"
WHOLE_NUMBER = Parameter(converter=_whole_number)
Data = Annotated[Path, Parameter(help="caption data: a file or a folder; see docs/data.md")]
Images = Annotated[Path | None, Parameter(help="folder of the pictures")]
DataLanguage = Annotated[Literal["en", "zh"], Parameter(help="language of the captions in DATA")]
Store = Annotated[
    Path | None, Parameter(help="feature store; default: encode the pictures on the fly")
]
Weights = Annotated[Path | None, Parameter(help="weights file of the encoder")]
Unseen = Annotated[Literal["val", "test"], Parameter(help="split of the pictures")]
MostCaptions = Annotated[int | None, WHOLE_NUMBER, Parameter(help="use at most this many captions")]
MostImages = Annotated[int | None, WHOLE_NUMBER, Parameter(help="use at most this many pictures")]
