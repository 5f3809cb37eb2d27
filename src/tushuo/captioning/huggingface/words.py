"""From the tokens of a language model to the words of a caption.

Models write parts of words, words of ours are whole: the log-probability of a word is the sum of
those of its tokens, and its attention map is their mean.
"""

from dataclasses import dataclass
from typing import Any

from tushuo.captioning.huggingface.prompts import clean
from tushuo.text.tokenization import Language, tokenize


@dataclass(frozen=True, slots=True)
class Word:
    """A word and the places of its tokens.

    Attributes:
        text: the word.
        tokens: the tokens that belong to it; none where it shares its only token with the next
            word, to which the token then belongs.
        step: the token with which it begins.
    """

    text: str
    tokens: tuple[int, ...]
    step: int


def split_words(text: str, language: Language) -> list[str]:
    """Split a caption into words as they are shown: at spaces, or as jieba segments Chinese."""
    if language == "en":
        return text.split()
    pieces, rest = [], text
    for word in tokenize(text, "jieba"):
        start = rest.lower().find(word)
        if start < 0:
            continue
        pieces.append(rest[start : start + len(word)])
        rest = rest[start + len(word) :]
    return pieces


def words_of(
    tokens: list[int], tokenizer: Any, language: Language, most: int | None = None
) -> tuple[str, list[Word]]:
    """Return the text of tokens, and its words with their tokens; at most so many words.

    A token belongs to the word in which its last character stands, found by decoding ever longer
    beginnings; tokens without characters belong to the word before them, or to the first.
    """
    text = clean(tokenizer.decode(tokens, skip_special_tokens=True))
    words = split_words(text, language)
    starts, ends, place = [], [], 0
    for word in words:
        starts.append(text.index(word, place))
        place = starts[-1] + len(word)
        ends.append(place)
    written = [
        len(clean(tokenizer.decode(tokens[: number + 1], skip_special_tokens=True)))
        for number in range(len(tokens))
    ]
    members: list[list[int]] = [[] for _ in words]
    for number, done in enumerate(written):
        if words:
            last = len(words) - 1
            members[next((n for n, end in enumerate(ends) if done <= end), last)].append(number)
    if most is not None and len(words) > most:
        text = text[: ends[most - 1]]
    steps = [next(n for n, done in enumerate(written) if done > start) for start in starts]
    found = [
        Word(word, tuple(own), step) for word, own, step in zip(words, members, steps, strict=True)
    ]
    return text, found[:most]
