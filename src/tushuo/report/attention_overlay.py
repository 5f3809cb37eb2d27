"""What a word did not look at, darkened smoothly over the picture in its true shape.

report/page/attention.js does the same in a browser.
"""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from PIL import Image

if TYPE_CHECKING:
    from tushuo.encoders.spec import EncoderSpec


SHADE = 0.82  # greatest darkness


def darkness(
    attention: Float[np.ndarray, "rows columns"], size: tuple[int, int], spec: "EncoderSpec"
) -> Float[np.ndarray, "height width"]:
    """Return how dark each pixel becomes: 0 where the word looked most.

    Args:
        attention: where it looked; it is drawn on a scale of its own.
        size: width and height of the picture.
        spec: the encoder, which may have seen the middle of the picture alone.
    """
    left, top, right, bottom = (round(edge) for edge in spec.field_of_view.box(*size))
    low, high = float(attention.min()), float(attention.max())
    scaled = (attention - low) / max(high - low, 1e-12)
    grid = Image.fromarray(scaled.astype(np.float32))
    seen = np.asarray(grid.resize((right - left, bottom - top), Image.Resampling.BICUBIC))
    dark = np.full((size[1], size[0]), SHADE, np.float32)
    dark[top:bottom, left:right] = SHADE * (1 - seen.clip(0, 1))
    return dark
