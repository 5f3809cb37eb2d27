"""The language of captions, recognised by their characters, and tokenizers that do not fit it."""

import re
from collections.abc import Iterable

from tushuo.text.tokenization import LANGUAGES, Language

# Chinese characters; kana too, since Japanese is written without spaces as well.
_CHINESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
LETTERS_PER_CHARACTER = 3  # Latin letters that hold about as much as one Chinese character
TOLERATED: dict[Language, float] = {"en": 0.1, "zh": 0.5}  # share of captions of another language
# The language that each tokenizer is for; "ptb" is the English tokenizer of scores.
TOKENIZER_LANGUAGES: dict[str, Language] = {
    "words": "en",
    "ptb": "en",
    "jieba": "zh",
    "characters": "zh",
}


def count_languages(captions: Iterable[str]) -> dict[Language, int]:
    """Count the captions of each language; captions without letters count for neither.

    A caption is Chinese where its Chinese characters hold at least as much as its Latin letters:
    one with a brand in it is Chinese, and one that quotes a Chinese sign is English.
    """
    counts: dict[Language, int] = {"en": 0, "zh": 0}
    for caption in captions:
        chinese = 0 if caption.isascii() else len(_CHINESE.findall(caption))
        if chinese == 0:
            counts["en"] += _LATIN.search(caption) is not None
        else:
            latin = len(_LATIN.findall(caption))
            counts["zh" if chinese * LETTERS_PER_CHARACTER >= latin else "en"] += 1
    return counts


def caption_language(captions: Iterable[str]) -> Language:
    """Return the language of most captions; English where there are none, or as many of each."""
    counts = count_languages(captions)
    return "zh" if counts["zh"] > counts["en"] else "en"


def tokenizer_warning(
    captions: Iterable[str], tokenizer: str, *, name: str = "captions", cure: str
) -> str | None:
    """Describe in one sentence that captions contradict a tokenizer; None where they do not.

    English tokenizers keep a Chinese caption as one word, so a tenth of such captions is too many.
    Chinese tokenizers split English at its spaces, so only mostly English captions contradict them.

    Args:
        captions: the captions, in any order.
        tokenizer: a key of ``TOKENIZER_LANGUAGES``.
        name: what the captions are called in the sentence, in the plural.
        cure: what to do.
    """
    counts = count_languages(captions)
    total = sum(counts.values())
    language = TOKENIZER_LANGUAGES[tokenizer]
    other: Language = "zh" if language == "en" else "en"
    if counts[other] <= total * TOLERATED[language]:
        return None
    verb = "is" if counts[other] == 1 else "are"
    return (
        f"{counts[other]} of {total} {name} {verb} {LANGUAGES[other]}, but the tokenizer "
        f"{tokenizer} is for {LANGUAGES[language]}; {cure}"
    )
