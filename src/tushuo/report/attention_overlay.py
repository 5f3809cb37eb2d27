"""Shade the parts of a picture that a word did not attend to.

report/page/attention.js does the same in a browser.
"""

import numpy as np
from jaxtyping import Float
from PIL import Image

from tushuo.encoders.spec import FieldOfView

SHADE = 0.75  # opacity of the darkest shade


def darkness(
    attention: Float[np.ndarray, "rows columns"],
    size: tuple[int, int],
    field_of_view: FieldOfView,
) -> Float[np.ndarray, "height width"]:
    """Return the opacity of each pixel's shade: 0 where attention is largest.

    Args:
        attention: attention weights of a word; they are scaled to their own range.
        size: width and height of the picture.
        field_of_view: the part of the picture that the attention grid covers; the rest is darkest.
    """
    left, top, right, bottom = (round(edge) for edge in field_of_view.box(*size))
    low, high = float(attention.min()), float(attention.max())
    scaled = (attention - low) / max(high - low, 1e-12)
    grid = Image.fromarray(scaled.astype(np.float32))
    smooth = np.asarray(grid.resize((right - left, bottom - top), Image.Resampling.BICUBIC))
    shade = np.full((size[1], size[0]), SHADE, np.float32)
    shade[top:bottom, left:right] = SHADE * (1 - smooth.clip(0, 1))
    return shade
