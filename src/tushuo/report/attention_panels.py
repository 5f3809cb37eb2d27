"""Attention maps of a caption: one panel for each word, over the picture in its proportions.

After Xu et al., "Show, Attend and Tell", ICML 2015, figure 2.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from tushuo.report.attention_overlay import darkness
from tushuo.report.fonts import chinese_font, drawable, needs_chinese
from tushuo.runtime import atomic_write

if TYPE_CHECKING:
    from tushuo.encoders.spec import FieldOfView

PANEL_INCHES = 2.2
LARGEST_PANEL_PIXELS = 400


def draw_attention_panels(
    picture: UInt8[np.ndarray, "height width 3"],
    words: Sequence[str],
    attention: Float[np.ndarray, "words rows columns"],
    path: Path,
    *,
    field_of_view: "FieldOfView",
    title: str = "",
) -> None:
    """Draw the picture and one panel for each word, each scaled to its own range."""
    from matplotlib.figure import Figure

    small = Image.fromarray(picture)
    small.thumbnail((LARGEST_PANEL_PIXELS, LARGEST_PANEL_PIXELS))
    width, height = small.size
    panels = len(words) + 1
    columns = _columns(panels, width / height)
    rows = math.ceil(panels / columns)
    across = PANEL_INCHES * min(1.0, width / height) + 0.15
    down = PANEL_INCHES * min(1.0, height / width) + 0.4
    figure = Figure(
        figsize=(max(columns * across, 3.0), rows * down + 0.4), layout="constrained", dpi=110
    )
    font = chinese_font([title, *words])
    named = drawable(words, font)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, axes in enumerate(grid):
        axes.axis("off")
        if place >= panels:
            continue
        axes.imshow(small)
        if place:
            shade = np.zeros((small.height, small.width, 4), np.float32)
            shade[..., 3] = darkness(attention[place - 1], small.size, field_of_view)
            axes.imshow(shade)
            axes.set_title(named[place - 1], fontfamily=font)
    if title and (font or not needs_chinese(title)):
        figure.suptitle(title, fontsize=14, wrap=True, fontfamily=font)
    with atomic_write(path) as file:
        figure.savefig(file, format="png")


def _columns(panels: int, width_by_height: float) -> int:
    """Return the number of columns that leaves few places of the last row empty."""
    broad = max(1, math.ceil(math.sqrt(panels * 1.6 / width_by_height)))
    if panels <= broad:
        return panels
    return min((broad, broad + 1), key=lambda columns: -panels % columns)
