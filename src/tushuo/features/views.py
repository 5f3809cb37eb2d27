"""Other looks at a picture, of which a training draws one an epoch: kept in a store, or on the fly.

Five cuts, the middle and the corners, each mirrored too, as in Krizhevsky et al., "ImageNet
Classification with Deep Convolutional Neural Networks", NIPS 2012, section 4.1.

Differs from the paper: the places are fixed and not random, so that a store can keep them.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from jaxtyping import UInt8

from tushuo.errors import SettingError

Pixels = UInt8[np.ndarray, "_height _width 3"]
PLAIN = "plain"
CUT = 10  # of a crop: a tenth of the picture goes at each side, or two at one and none across


def flip(picture: Pixels) -> Pixels:
    """Mirror a picture, left to right."""
    return np.ascontiguousarray(picture[:, ::-1])


def crop(picture: Pixels, *, down: int = 1, across: int = 1, mirrored: bool = False) -> Pixels:
    """Cut a picture's edges off, so that the rest is seen larger.

    Args:
        picture: the picture.
        down: how many of the two tenths of its height go at the top; the others go at the bottom.
        across: the same of its width, at the left.
        mirrored: whether the rest is mirrored.
    """
    height, width = picture.shape[:2]
    top, left = down * (height // CUT), across * (width // CUT)
    bottom, right = top + height - 2 * (height // CUT), left + width - 2 * (width // CUT)
    rest = picture[top:bottom, left:right]
    return flip(rest) if mirrored else np.ascontiguousarray(rest)


VIEWS: dict[str, Callable[[Pixels], Pixels]] = {
    PLAIN: lambda picture: picture,
    "flip": flip,
    "crop": crop,
    "top_left": partial(crop, down=0, across=0),
    "top_right": partial(crop, down=0, across=2),
    "bottom_left": partial(crop, down=2, across=0),
    "bottom_right": partial(crop, down=2, across=2),
    "flip_crop": partial(crop, mirrored=True),
    "flip_top_left": partial(crop, down=0, across=0, mirrored=True),
    "flip_top_right": partial(crop, down=0, across=2, mirrored=True),
    "flip_bottom_left": partial(crop, down=2, across=0, mirrored=True),
    "flip_bottom_right": partial(crop, down=2, across=2, mirrored=True),
}
MIRRORED = frozenset(name for name in VIEWS if name.startswith("flip"))
EVERY = "every"  # in place of all names


def parse_views(told: str | None) -> tuple[str, ...]:
    """Read views named like ``flip,crop``, or ``every``; the plain one is always the first.

    Raises:
        SettingError: a view is unknown.
    """
    names = _names(told or "")
    for name in names:
        if name not in VIEWS:
            raise SettingError(f"view {name!r} is unknown, known: {', '.join([*VIEWS, EVERY])}")
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
    names = _names(told)
    missing = [name for name in names if name not in there]
    if missing or not names:
        raise SettingError(
            f"views were {told!r}, the regions have {', '.join(there)}; "
            f"choose of these, or extract with --views"
        )
    return [there.index(name) for name in dict.fromkeys(names)]


def _names(told: str) -> list[str]:
    """Take names apart at their commas; ``every`` means all of them."""
    names = [name.strip() for name in told.split(",") if name.strip()]
    return list(VIEWS) if EVERY in names else names
