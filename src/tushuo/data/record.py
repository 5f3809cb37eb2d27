"""One picture with its captions: what every reader returns and every later stage takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One picture and everything that people said of it.

    Attributes:
        image_id: the data's own name for the picture; unique within the data. COCO's numbers stay
            numbers, so that results can be written in the official form.
        path: where the picture should lie; readers do not open it.
        captions: as written in the data, in its order.
        split: the data's own split (Karpathy's ``restval`` counts as train), or None.
    """

    image_id: int | str
    path: Path
    captions: tuple[str, ...]
    split: Split | None = None
