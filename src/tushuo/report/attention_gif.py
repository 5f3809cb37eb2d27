"""An animated GIF: the picture, then a frame a word, what it did not look at darkened."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from tushuo.report.attention_overlay import darkness
from tushuo.report.fonts import chinese_font, drawable
from tushuo.runtime import atomic_write

if TYPE_CHECKING:
    from tushuo.encoders.spec import EncoderSpec

SIDE = 480  # pixels of the picture's longer side
FIRST_MILLISECONDS, WORD_MILLISECONDS, LAST_MILLISECONDS = 1500, 800, 2500
LETTERS, EDGE, LEADING = 20, 12, 8  # pixels: height of the letters, around them, between lines
PAPER, QUIET, SPOKEN = (20, 23, 26), (130, 138, 146), (255, 214, 102)


def write_looks_gif(
    path: Path,
    picture: UInt8[np.ndarray, "height width 3"],
    words: Sequence[str],
    attention: Float[np.ndarray, "words rows columns"],
    spec: "EncoderSpec",
) -> None:
    """Write the GIF; it plays again and again, and names the words beneath the picture."""
    small = Image.fromarray(picture)
    scale = SIDE / max(small.size)
    small = small.resize((max(1, round(small.width * scale)), max(1, round(small.height * scale))))
    chinese = chinese_font(words)
    words, font = drawable(words, chinese), _font(chinese)
    frames = [_beneath(small, words, None, font)]
    for place, looked in enumerate(attention):
        bare = 1 - darkness(looked, small.size, spec)[..., None]
        dark = Image.fromarray((np.asarray(small) * bare).astype(np.uint8))
        frames.append(_beneath(dark, words, place, font))
    coloured = [frame.quantize(256, dither=Image.Dither.FLOYDSTEINBERG) for frame in frames]
    durations = [FIRST_MILLISECONDS, *[WORD_MILLISECONDS] * len(words)]
    durations[-1] = LAST_MILLISECONDS
    with atomic_write(path) as file:
        coloured[0].save(
            file, "GIF", save_all=True, append_images=coloured[1:], duration=durations, loop=0
        )


def _font(name: str | None) -> ImageFont.FreeTypeFont:
    from matplotlib.font_manager import findfont

    return ImageFont.truetype(findfont(name or "DejaVu Sans"), LETTERS)


def _beneath(
    picture: Image.Image, words: Sequence[str], spoken: int | None, font: ImageFont.FreeTypeFont
) -> Image.Image:
    """Put the words under the picture, one of them lit."""
    width, height = picture.size
    places, down = _laid_out(words, max(width, 12 * LETTERS), font)
    frame = Image.new("RGB", (max(width, 12 * LETTERS), height + down), PAPER)
    frame.paste(picture, ((frame.width - width) // 2, 0))
    draw = ImageDraw.Draw(frame)
    for place, (word, (x, y)) in enumerate(zip(words, places, strict=True)):
        if place == spoken:  # a patch keeps its colour where few colours are left
            left, top, right, bottom = draw.textbbox((x, height + y), word, font=font)
            draw.rectangle((left - 3, top - 3, right + 3, bottom + 3), fill=SPOKEN)
        lit = PAPER if place == spoken else QUIET
        draw.text((x, height + y), word, font=font, fill=lit)
    return frame


def _laid_out(
    words: Sequence[str], width: int, font: ImageFont.FreeTypeFont
) -> tuple[list[tuple[int, int]], int]:
    """Return where each word begins, broken into lines, and the height of them all."""
    places, x, y = [], EDGE, EDGE
    for word in words:
        long = round(font.getlength(word))
        if x > EDGE and x + long > width - EDGE:
            x, y = EDGE, y + LETTERS + LEADING
        places.append((x, y))
        x += long + round(font.getlength(" ") if word.isascii() else LETTERS / 8)
    return places, y + LETTERS + EDGE + LEADING
