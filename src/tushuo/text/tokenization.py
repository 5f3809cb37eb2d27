"""Captions as words: clean, split, join again.

Three ways to split, each named in the run's signature:

- ``words``: the lesson's: lower case, its filter characters removed, split at spaces;
- ``characters``: every Chinese character is a word, a run of Latin letters or digits is one;
- ``jieba``: Chinese words as ``jieba`` finds them.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Literal

from tushuo.errors import SettingError
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
DEFAULT_TOKENIZERS: dict[Language, TokenizerName] = {
    "en": "words",
    "zh": "jieba",
}  # unless told otherwise


def split(caption: str, how: TokenizerName) -> list[str]:
    """Split a caption into words, lower case and without punctuation."""
    if how == "words":
        return caption.lower().translate(_FILTERED).split()
    plain = "".join(_spoken(mark) for mark in unicodedata.normalize("NFKC", caption.lower()))
    if how == "characters":
        return _CHARACTER.findall(plain)
    return [word for word in _jieba().lcut(plain) if word.strip()]


def join(words: list[str], how: TokenizerName) -> str:
    """Join words to a caption: with spaces, but none beside a Chinese character."""
    if how == "words":
        return " ".join(words)
    text = " ".join(words)
    return re.sub(r"(?<=[^\x00-\x7f]) | (?=[^\x00-\x7f])", "", text)


def _spoken(mark: str) -> str:
    """Turn punctuation and symbols, full-width ones too, into a space."""
    return " " if unicodedata.category(mark)[0] in "PSZC" else mark


@cache
def _jieba() -> "jieba.Tokenizer":
    """Load jieba once.

    Its dictionary cache goes to our own folder: jieba's default is a file of fixed name in the
    shared temporary folder, which any other user of the machine could have written.
    """
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.tmp_dir = str(cache_folder())
    return tokenizer


def language_of(words: Iterable[str]) -> Language:
    """Tell the language of a run's words: Chinese where most of them have a Chinese character."""
    chinese = [_CHINESE.search(word) is not None for word in words]
    return "zh" if 2 * sum(chinese) > len(chinese) else "en"


def require_language(words: Iterable[str], language: Language) -> None:
    """Refuse to take Chinese words for English ones, or English ones for Chinese.

    Raises:
        SettingError: the run's words are of the other language.
    """
    spoken = language_of(words)
    if spoken != language:
        raise SettingError(
            f"the run's words are {LANGUAGES[spoken]}, but language was {language}; "
            f"give --language {spoken}, or another run"
        )
