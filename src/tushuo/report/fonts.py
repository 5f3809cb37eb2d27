"""A font that has the characters of a caption."""

import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress

CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",  # what matplotlib calls the collection file that has all of them
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
)

RADICALS = "\u2e80"  # where the blocks of Chinese, Japanese and Korean begin


def chinese_font(texts: Iterable[str]) -> str | None:
    """Return an installed font with Chinese characters if the texts need one.

    None where they do not, and, with a warning, where no such font is installed.
    """
    if not any(map(needs_chinese, texts)):
        return None
    found = _installed() or (_look_again() and _installed())
    if not found:
        warnings.warn(
            "no font with Chinese characters is installed, so words are drawn as numbers; "
            "on Debian: apt-get install fonts-noto-cjk",
            stacklevel=3,
        )
    return found or None


def needs_chinese(text: str) -> bool:
    """Say whether a text has characters that common fonts lack: radicals, and all beyond them."""
    return any(character >= RADICALS for character in text)


def drawable(words: Sequence[str], font: str | None) -> list[str]:
    """Return words as they can be drawn: their numbers, where no font has their characters."""
    return [
        word if font or not needs_chinese(word) else str(number)
        for number, word in enumerate(words, 1)
    ]


def _installed() -> str | None:
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return next((name for name in CHINESE_FONTS if name in installed), None)


def _look_again() -> bool:
    """Add fonts that were installed after matplotlib made its list; say whether there were any."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {font.fname for font in fontManager.ttflist}
    new = [path for path in findSystemFonts() if path not in known]
    for path in new:
        with suppress(OSError, RuntimeError):  # a file that is no font
            fontManager.addfont(path)
    return bool(new)
