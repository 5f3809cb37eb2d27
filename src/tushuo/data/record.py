"""One picture with its captions: returned by every reader, used by every later stage."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Split = Literal["train", "val", "test"]
NO_PICTURE = Path()  # path of a record that is captions alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One picture and its reference captions.

    Attributes:
        image_id: the data's identifier of the picture, unique within the data. COCO's numbers stay
            numbers, so that results can be written in the official form.
        path: where the picture is expected; readers do not open it.
        captions: as written in the data, in its order.
        split: the data's own split (Karpathy's ``restval`` counts as train), or None.
    """

    image_id: int | str
    path: Path
    captions: tuple[str, ...]
    split: Split | None = None
