"""Captions to words and back: clean, tokenize, detokenize.

Three tokenizers, each recorded in the run's signature:

- ``words``: the lesson's: lower case, its filter characters removed, split at spaces;
- ``characters``: every Chinese character is a word, and so is a run of Latin letters or digits;
- ``jieba``: Chinese words as segmented by ``jieba``.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Literal

from tushuo.runtime import cache_folder

if TYPE_CHECKING:
    import jieba

TokenizerName = Literal["words", "characters", "jieba"]
Language = Literal["en", "zh"]

# The filter of Keras' text Tokenizer that the lesson uses, with tab and newline.
_FILTERED = str.maketrans({mark: " " for mark in '!"#$%&()*+.,-/:;=?@[\\]^_`{|}~\t\n'})
_CHARACTER = re.compile(r"[a-z0-9]+|\S")
_CHINESE = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]")
LANGUAGES: dict[Language, str] = {"en": "English", "zh": "Chinese"}
DEFAULT_TOKENIZERS: dict[Language, TokenizerName] = {"en": "words", "zh": "jieba"}


def tokenize(caption: str, tokenizer: TokenizerName) -> list[str]:
    """Split a caption into words, in lower case and without punctuation."""
    if tokenizer == "words":
        return caption.lower().translate(_FILTERED).split()
    plain = "".join(_space_out(mark) for mark in unicodedata.normalize("NFKC", caption.lower()))
    if tokenizer == "characters":
        return _CHARACTER.findall(plain)
    return [word for word in _jieba().lcut(plain) if word.strip()]


def detokenize(words: list[str], tokenizer: TokenizerName) -> str:
    """Join words into a caption, with spaces except beside Chinese characters."""
    text = " ".join(words)
    if tokenizer == "words":
        return text
    return re.sub(r"(?<=[^\x00-\x7f]) | (?=[^\x00-\x7f])", "", text)


def _space_out(mark: str) -> str:
    """Replace punctuation and symbols, full-width ones included, by a space."""
    return " " if unicodedata.category(mark)[0] in "PSZC" else mark


@cache
def _jieba() -> "jieba.Tokenizer":
    """Load jieba once.

    Its dictionary cache is kept in our own folder: jieba's default is a fixed file name in the
    shared temporary folder, which any other user of the machine could have written.
    """
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.tmp_dir = str(cache_folder())
    return tokenizer


def language_of(words: Iterable[str]) -> Language:
    """Return Chinese where most words contain a Chinese character, else English."""
    chinese = [_CHINESE.search(word) is not None for word in words]
    return "zh" if 2 * sum(chinese) > len(chinese) else "en"
