"""The words of captions that a picture can show: without function words, plurals as singulars."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from tushuo.text.tokenization import DEFAULT_TOKENIZERS, Language, tokenize

MIN_LETTERS = 4  # of a plural
MIN_SINGULAR = 5  # captions must have used a singular so often for a plural to be reduced to it


class CaptionWords:
    """Reduces captions to the words that a picture can show.

    English plurals become the singular where captions use it too, so that "dogs" and "dog" are one
    concept. Irregular plurals (people, men, children) stay concepts of their own, and so do forms
    of verbs.

    Args:
        captions: captions whose words decide which singulars exist.
        language: their language.
    """

    def __init__(self, captions: Iterable[str], language: Language):
        self._language, self._tokenizer = language, DEFAULT_TOKENIZERS[language]
        self._counts = Counter(
            word for caption in captions for word in tokenize(caption, self._tokenizer)
        )
        self._lemmas: dict[str, str] = {}

    @classmethod
    def of_words(cls, words: Sequence[str], language: Language) -> "CaptionWords":
        """Reduce plurals to these words, whatever captions use."""
        made = cls([], language)
        made._counts.update(dict.fromkeys(words, MIN_SINGULAR))
        return made

    def __call__(self, captions: Sequence[str]) -> set[str]:
        """Return the words that any of the captions of one picture has."""
        words = {word for caption in captions for word in tokenize(caption, self._tokenizer)}
        return {self.lemma(word) for word in words} - _listed(f"function_words_{self._language}")

    def lemma(self, word: str) -> str:
        """Return the singular of an English plural; other words are returned as they are."""
        if self._language != "en" or not word.endswith("s") or len(word) < MIN_LETTERS:
            return word
        if word in _listed("not_plural_en"):
            return word
        if word not in self._lemmas:
            singulars = (s for s in _singulars(word) if self._counts[s] >= MIN_SINGULAR)
            self._lemmas[word] = next(singulars, word)
        return self._lemmas[word]


def is_function_word(word: str, language: Language) -> bool:
    """Whether a word is one that no picture shows."""
    return word in _listed(f"function_words_{language}")


def _singulars(word: str) -> list[str]:
    """Return what the singular could be, the most probable first."""
    if word.endswith("ies"):
        return [f"{word[:-3]}y", word[:-1]]
    if word.endswith("ves"):
        return [f"{word[:-3]}f", f"{word[:-3]}fe", word[:-1]]
    if word.endswith(("ses", "xes", "ches", "shes", "zes", "oes")):
        return [word[:-2], word[:-1]]
    return [] if word.endswith("ss") else [word[:-1]]


@cache
def _listed(name: str) -> frozenset[str]:
    """Read a list of words that belongs to this package."""
    return frozenset((files("tushuo.concepts") / f"{name}.txt").read_text("utf-8").split())
