"""Find a font that has the characters of a caption."""

import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress

CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",  # matplotlib's name of the collection that has all of them
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
)

RADICALS = "\u2e80"  # first block of Chinese, Japanese and Korean characters


def chinese_font(texts: Iterable[str]) -> str | None:
    """Return an installed font with Chinese characters if the texts need one.

    Returns:
        None if they do not, or, with a warning, if no such font is installed.
    """
    if not any(map(needs_chinese, texts)):
        return None
    font = _installed() or (_refresh() and _installed())
    if not font:
        warnings.warn(
            "no font with Chinese characters is installed, so words are drawn as numbers; "
            "on Debian: apt-get install fonts-noto-cjk",
            stacklevel=3,
        )
    return font or None


def needs_chinese(text: str) -> bool:
    """Return whether a text has characters that common fonts lack."""
    return any(character >= RADICALS for character in text)


def drawable(words: Sequence[str], font: str | None) -> list[str]:
    """Return words that can be drawn; those without a font are replaced by their number."""
    return [
        word if font or not needs_chinese(word) else str(number)
        for number, word in enumerate(words, 1)
    ]


def _installed() -> str | None:
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return next((name for name in CHINESE_FONTS if name in installed), None)


def _refresh() -> bool:
    """Add fonts installed since matplotlib built its list; return whether there are any."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {font.fname for font in fontManager.ttflist}
    new = [path for path in findSystemFonts() if path not in known]
    for path in new:
        with suppress(OSError, RuntimeError):  # not a font file
            fontManager.addfont(path)
    return bool(new)
