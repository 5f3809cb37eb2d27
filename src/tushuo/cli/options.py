"""Options that several commands have, so that each is named and explained in one way."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Data = Annotated[Path, Parameter(help="captions: a file or a folder; docs/data.md")]
Images = Annotated[Path | None, Parameter(help="folder of the pictures")]
DataLanguage = Annotated[Literal["en", "zh"], Parameter(help="language of the captions in DATA")]
Store = Annotated[Path | None, Parameter(help="regions; without it, made on the fly")]
Weights = Annotated[Path | None, Parameter(help="the encoder's weights file")]
Unseen = Annotated[Literal["val", "test"], Parameter(help="which pictures")]
MostCaptions = Annotated[int | None, Parameter(help="use only so many captions")]
MostImages = Annotated[int | None, Parameter(help="use only so many pictures")]
