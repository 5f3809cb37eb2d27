"""Views: augmented copies of a picture, one of which is drawn per epoch of training.

Five crops, the centre and the corners, each also mirrored, as in Krizhevsky et al., "ImageNet
Classification with Deep Convolutional Neural Networks", NIPS 2012, section 4.1. Differs from the
paper: the positions are fixed rather than random, so that a store can hold their regions.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from jaxtyping import UInt8

from tushuo.errors import SettingError

Pixels = UInt8[np.ndarray, "_height _width 3"]
PLAIN = "plain"
MARGINS = 10  # margins per height or width; a crop removes two of them


def flip(picture: Pixels) -> Pixels:
    """Mirror a picture horizontally."""
    return np.ascontiguousarray(picture[:, ::-1])


def crop(picture: Pixels, *, down: int = 1, across: int = 1, mirrored: bool = False) -> Pixels:
    """Crop a picture by two margins per axis.

    Args:
        picture: the picture.
        down: number of margins removed at the top; the others are removed at the bottom.
        across: number of margins removed on the left; the others are removed on the right.
        mirrored: whether to mirror the crop.
    """
    height, width = picture.shape[:2]
    top, left = down * (height // MARGINS), across * (width // MARGINS)
    bottom, right = top + height - 2 * (height // MARGINS), left + width - 2 * (width // MARGINS)
    cropped = picture[top:bottom, left:right]
    return flip(cropped) if mirrored else np.ascontiguousarray(cropped)


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
EVERY = "every"  # short for all names


def parse_views(text: str | None) -> tuple[str, ...]:
    """Parse names of views such as ``flip,crop`` or ``every``, and put the plain view first.

    Raises:
        SettingError: a view is unknown.
    """
    names = _split_names(text or "")
    for name in names:
        if name not in VIEWS:
            raise SettingError(f"view {name!r} is unknown; known: {', '.join([*VIEWS, EVERY])}")
    return tuple(dict.fromkeys([PLAIN, *names]))


def choose_views(text: str | None, available: Sequence[str]) -> list[int]:
    """Return the indices of the named views among those that are available.

    Args:
        text: names separated by commas; None: all available views.
        available: names of the views that the regions have.

    Raises:
        SettingError: a view is not available, or none is named.
    """
    if text is None:
        return list(range(len(available)))
    names = _split_names(text)
    missing = [name for name in names if name not in available]
    if missing or not names:
        raise SettingError(
            f"--views must name views of the regions ({', '.join(available)}), got {text!r}; "
            "choose among these, or extract with --views"
        )
    return [available.index(name) for name in dict.fromkeys(names)]


def _split_names(text: str) -> list[str]:
    """Split names at their commas; ``every`` stands for all of them."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    return list(VIEWS) if EVERY in names else names
