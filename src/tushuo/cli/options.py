"""Options shared by several commands."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Data = Annotated[Path, Parameter(help="caption data: a file or a folder; see docs/data.md")]
Images = Annotated[Path | None, Parameter(help="folder of the pictures")]
DataLanguage = Annotated[Literal["en", "zh"], Parameter(help="language of the captions in DATA")]
Store = Annotated[
    Path | None, Parameter(help="feature store; default: encode the pictures on the fly")
]
Weights = Annotated[Path | None, Parameter(help="weights file of the encoder")]
Unseen = Annotated[Literal["val", "test"], Parameter(help="split of the pictures")]
MostCaptions = Annotated[int | None, Parameter(help="use at most this many captions")]
MostImages = Annotated[int | None, Parameter(help="use at most this many pictures")]
