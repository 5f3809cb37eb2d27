"""A font that has the characters of a caption."""

import warnings
from collections.abc import Iterable

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


def chinese_font(texts: Iterable[str]) -> str | None:
    """Return an installed font with Chinese characters if the texts need one.

    None where the texts are plain ASCII, and, with a warning, where no such font is installed.
    """
    if all(text.isascii() for text in texts):
        return None
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    found = next((name for name in CHINESE_FONTS if name in installed), None)
    if found is None:
        warnings.warn(
            "no font with Chinese characters is installed, so words are drawn as numbers; "
            "on Debian: apt-get install fonts-noto-cjk",
            stacklevel=3,
        )
    return found
