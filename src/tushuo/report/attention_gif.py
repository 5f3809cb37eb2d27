"""An animated GIF: the picture, then one frame for each word with its attention map."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from tushuo.errors import SettingError
from tushuo.report.attention_overlay import darkness
from tushuo.report.fonts import chinese_font, drawable
from tushuo.runtime import atomic_write

if TYPE_CHECKING:
    from tushuo.captioning.caption import Caption

SIDE = 480  # pixels of the picture's longer side
FIRST_MILLISECONDS, WORD_MILLISECONDS, LAST_MILLISECONDS = 1500, 800, 2500
FONT_SIZE, MARGIN, LEADING = 20, 12, 8  # pixels
BACKGROUND, TEXT, HIGHLIGHT = (20, 23, 26), (130, 138, 146), (255, 214, 102)


def write_attention_gif(
    path: Path, picture: UInt8[np.ndarray, "height width 3"], caption: "Caption"
) -> None:
    """Write the GIF; it loops, and shows the words below the picture.

    Raises:
        SettingError: the caption has no attention maps.
    """
    if caption.attention is None:
        raise SettingError("an animation requires attention maps, but this captioner has none")
    small = Image.fromarray(picture)
    scale = SIDE / max(small.size)
    small = small.resize((max(1, round(small.width * scale)), max(1, round(small.height * scale))))
    chinese = chinese_font(caption.words)
    words, font = drawable(caption.words, chinese), _font(chinese)
    frames = [_frame(small, words, None, font)]
    for place, attention in enumerate(caption.attention):
        brightness = 1 - darkness(attention, small.size, caption.field_of_view)[..., None]
        shaded = Image.fromarray((np.asarray(small) * brightness).astype(np.uint8))
        frames.append(_frame(shaded, words, place, font))
    paletted = [frame.quantize(256, dither=Image.Dither.FLOYDSTEINBERG) for frame in frames]
    durations = [FIRST_MILLISECONDS, *[WORD_MILLISECONDS] * len(words)]
    durations[-1] = LAST_MILLISECONDS
    with atomic_write(path) as file:
        paletted[0].save(
            file, "GIF", save_all=True, append_images=paletted[1:], duration=durations, loop=0
        )


def _font(name: str | None) -> ImageFont.FreeTypeFont:
    from matplotlib.font_manager import findfont

    return ImageFont.truetype(findfont(name or "DejaVu Sans"), FONT_SIZE)


def _frame(
    picture: Image.Image,
    words: Sequence[str],
    highlighted: int | None,
    font: ImageFont.FreeTypeFont,
) -> Image.Image:
    """Draw the words below the picture, one of them highlighted."""
    width, height = picture.size
    positions, text_height = _layout(words, max(width, 12 * FONT_SIZE), font)
    frame = Image.new("RGB", (max(width, 12 * FONT_SIZE), height + text_height), BACKGROUND)
    frame.paste(picture, ((frame.width - width) // 2, 0))
    draw = ImageDraw.Draw(frame)
    for place, (word, (x, y)) in enumerate(zip(words, positions, strict=True)):
        if place == highlighted:  # a filled box keeps its colour in a small palette
            left, top, right, bottom = draw.textbbox((x, height + y), word, font=font)
            draw.rectangle((left - 3, top - 3, right + 3, bottom + 3), fill=HIGHLIGHT)
        colour = BACKGROUND if place == highlighted else TEXT
        draw.text((x, height + y), word, font=font, fill=colour)
    return frame


def _layout(
    words: Sequence[str], width: int, font: ImageFont.FreeTypeFont
) -> tuple[list[tuple[int, int]], int]:
    """Return the position of each word, wrapped into lines, and the height of the text."""
    positions, x, y = [], MARGIN, MARGIN
    for word in words:
        length = round(font.getlength(word))
        if x > MARGIN and x + length > width - MARGIN:
            x, y = MARGIN, y + FONT_SIZE + LEADING
        positions.append((x, y))
        x += length + round(font.getlength(" ") if word.isascii() else FONT_SIZE / 8)
    return positions, y + FONT_SIZE + MARGIN + LEADING
