"""Scale grey pictures of more than 8 bits to 8 bits; Pillow would clip them instead."""

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
    """Scale grey values linearly to 0 to 255.

    The range is not part of the data. Integers have the smallest usual depth that holds their
    highest value; floats have the first of ``FLOAT_RANGES`` that does, apart from the overshoot of
    a filter.

    Raises:
        PictureError: values are negative, not finite, or above every range.
    """
    low, high = float(grey.min()), float(grey.max())
    if np.issubdtype(grey.dtype, np.integer):
        top = next((2**bits - 1 for bits in INTEGER_DEPTHS if high < 2**bits), None)
        fits = low >= 0
    else:
        top = next((top for top in FLOAT_RANGES if high <= (1 + OVERSHOOT) * top), None)
        fits = top is not None and low >= -OVERSHOOT * top  # NaN fails
    if top is None or not fits:
        raise PictureError(
            f"a grey picture has values from {low:.4g} to {high:.4g}; expected integers from 0, or "
            f"floats from 0 to one of {', '.join(map(str, FLOAT_RANGES))}: scale them"
        )
    return np.rint(grey.clip(0, top) * (255 / top)).astype(np.uint8)
