"""Other looks at a picture, which a store keeps so that a training sees more than one."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import UInt8

from tushuo.errors import SettingError

Pixels = UInt8[np.ndarray, "_height _width 3"]
PLAIN = "plain"
CUT = 10  # of the crop: a tenth of the picture goes at each side


def flip(picture: Pixels) -> Pixels:
    """Mirror a picture, left to right."""
    return np.ascontiguousarray(picture[:, ::-1])


def crop(picture: Pixels) -> Pixels:
    """Cut a picture's edges off, so that the rest is seen larger."""
    height, width = picture.shape[:2]
    top, left = height // CUT, width // CUT
    return np.ascontiguousarray(picture[top : height - top, left : width - left])


VIEWS: dict[str, Callable[[Pixels], Pixels]] = {
    PLAIN: lambda picture: picture,
    "flip": flip,
    "crop": crop,
    "flip_crop": lambda picture: flip(crop(picture)),
}
MIRRORED = frozenset({"flip", "flip_crop"})


def parse_views(told: str | None) -> tuple[str, ...]:
    """Read views named like ``flip,crop``; the plain one is always the first.

    Raises:
        SettingError: a view is unknown.
    """
    names = [name.strip() for name in (told or "").split(",") if name.strip()]
    for name in names:
        if name not in VIEWS:
            raise SettingError(f"view {name!r} is unknown, known: {', '.join(VIEWS)}")
    return tuple(dict.fromkeys([PLAIN, *names]))


def choose_views(told: str | None, there: Sequence[str]) -> list[int]:
    """Return the places, among the views that are there, of those that are to be drawn from.

    Args:
        told: names with commas between; None means all.
        there: what a store has.

    Raises:
        SettingError: one of them is not there.
    """
    if told is None:
        return list(range(len(there)))
    names = [name.strip() for name in told.split(",") if name.strip()]
    missing = [name for name in names if name not in there]
    if missing or not names:
        raise SettingError(
            f"views were {told!r}, the regions have {', '.join(there)}; "
            f"choose of these, or extract with --views"
        )
    return [there.index(name) for name in dict.fromkeys(names)]
