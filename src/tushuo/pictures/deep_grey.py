"""Scale values of more than 8 bits to 8 bits; Pillow would clip grey ones instead."""

import numpy as np
from jaxtyping import Shaped, UInt8

from tushuo.errors import PictureError

# Bits that sensors and files use, of which a file states only how many bytes hold them.
INTEGER_DEPTHS = (8, 10, 12, 14, 16, 24, 31, 32)
FLOAT_RANGES = (1, 255, 65535)
OVERSHOOT = 0.5  # as a share of the range: resizing with a sharpening filter leaves the range


def scale_to_8_bits(
    grey: Shaped[np.ndarray, "height width"],
) -> UInt8[np.ndarray, "height width"]:
    """Scale values linearly to 0 to 255.

    The range is not part of the data. Integers have the smallest usual depth that holds their
    highest value; floats have the first of ``FLOAT_RANGES`` that does, apart from the overshoot of
    a filter.

    Raises:
        PictureError: values are negative, not finite, or above every range.
    """
    low, high = float(grey.min()), float(grey.max())
    top = top_of(high, grey.dtype)
    overshoot = 0.0 if np.issubdtype(grey.dtype, np.integer) else OVERSHOOT
    if top is None or not low >= -overshoot * top:  # NaN fails
        raise PictureError(
            f"a deep picture has values from {low:.4g} to {high:.4g}; expected integers from 0, or "
            f"floats from 0 to one of {', '.join(map(str, FLOAT_RANGES))}: scale them"
        )
    return np.rint(grey.clip(0, top) * (255 / top)).astype(np.uint8)


def top_of(high: float, dtype: np.dtype) -> int | None:
    """Return the end of the smallest usual range that holds this value, None if none does.

    Signed integers have half of the range of unsigned ones.
    """
    if np.issubdtype(dtype, np.integer):
        top = next((2**bits - 1 for bits in INTEGER_DEPTHS if high < 2**bits), None)
        return top if top is None else min(top, int(np.iinfo(dtype).max))
    return next((top for top in FLOAT_RANGES if high <= (1 + OVERSHOOT) * top), None)
