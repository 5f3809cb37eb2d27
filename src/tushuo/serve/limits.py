"""What one request may cost, and all of them together; command-line options are made from it."""

import math
from dataclasses import dataclass, fields
from typing import Annotated

from tushuo.errors import SettingError
from tushuo.setting_types import convert_settings


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a service."""

    max_bytes: Annotated[int, "bytes in the body of a request (413 above it)"] = 10_000_000
    max_pixels: Annotated[
        int, "pixels of a picture, read from its header before it is decoded (422 above it)"
    ] = 25_000_000
    max_pictures: Annotated[int, "pictures in a request (413 above it)"] = 16
    max_hypotheses: Annotated[
        int, "beam size, n-best, groups and samples that a request may choose (422 above it)"
    ] = 50
    max_held: Annotated[
        int, "bytes of all requests that are read or wait, which bounds memory (429 above it)"
    ] = 256_000_000
    queue: Annotated[int, "pictures that wait for the model (429 above it)"] = 64
    batch: Annotated[int, "pictures that are captioned at once"] = 16
    deadline: Annotated[
        float, "seconds from the end of a request's body to its captions (504 above it)"
    ] = 10.0
    upload: Annotated[float, "seconds that the body of a request may take (408 above it)"] = 10.0

    def __post_init__(self) -> None:
        """Reject values of other types, and values that are not above 0."""
        convert_settings(self)
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < math.inf:
                name = field.name.replace("_", "-")
                raise SettingError(f"{name} was {value}, but must be above 0 and finite")
        if self.max_pictures > self.queue:
            raise SettingError(
                f"max-pictures was {self.max_pictures}, more than queue, which is {self.queue}, so "
                "that such a request could never be accepted; raise queue"
            )
        if self.max_bytes > self.max_held:
            raise SettingError(
                f"max-bytes was {self.max_bytes}, more than max-held, which is {self.max_held}, so "
                "that such a request could never be accepted; raise max-held"
            )
