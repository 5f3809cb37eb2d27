"""METEOR's program and data, read from the files of the extra ``official``."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zipfile import ZipFile

from tushuo.errors import MissingPartError
from tushuo.metrics.official import program_folder

JAR = "meteor-1.5.jar"
PARAPHRASES = "data/paraphrase-en.gz"
STEMMER_VERSION = "2"  # major version of snowballstemmer: its stemmer equals the program's
_SPACES = re.compile(r"[ \t\n\r\f]+")  # where Java splits; Python's split() knows more characters


def folder() -> Path:
    """Return the folder of METEOR's program and data.

    Raises:
        MissingPartError: the extra is not installed or incomplete.
    """
    return program_folder("METEOR", (JAR, PARAPHRASES))


def installed() -> bool:
    """Return whether METEOR can be computed with what is installed."""
    try:
        folder()
        return version("snowballstemmer").split(".")[0] == STEMMER_VERSION
    except (MissingPartError, PackageNotFoundError):
        return False


def split_at_spaces(text: str) -> list[str]:
    """Split at ASCII spaces only."""
    return [word for word in _SPACES.split(text) if word]


def _lines(name: str) -> list[str]:
    with ZipFile(folder() / JAR) as jar:
        return jar.read(name).decode().split("\n")


@cache
def function_words() -> frozenset[str]:
    """Return the words that count less: articles, prepositions, punctuation."""
    return frozenset(_lines("function/english.words"))


@cache
def prefixes() -> dict[str, bool]:
    """Return the abbreviations that keep their full stop; True: only before a number."""
    rows = [split_at_spaces(line) for line in _lines("nonbreaking/english.prefixes")]
    return {
        row[0]: row[1:2] == ["#NUMERIC_ONLY#"] for row in rows if row and not row[0].startswith("#")
    }


class Synonyms:
    """WordNet 3: the synonym sets of a word and of its base form."""

    # a suffix and its replacement in the base form; the first base form in the dictionary counts
    SUFFIXES = (
        ("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"),
        ("men", "man"), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""),
        ("ing", "e"), ("ing", ""), ("er", ""), ("est", ""), ("er", "e"), ("est", "e"),
    )  # fmt: skip

    def __init__(self) -> None:
        self._sets = dict(_pairs("synonym/english.synsets"))
        self._irregular: dict[str, list[str]] = {}
        for base, forms in _pairs("synonym/english.exceptions"):
            for form in split_at_spaces(forms):
                self._irregular.setdefault(form, []).append(base)
        self._cache: dict[str, frozenset[str]] = {}

    def __getitem__(self, word: str) -> frozenset[str]:
        """Return the names of a word's synonym sets; empty for a word not in the dictionary."""
        if word not in self._cache:
            bases = self._irregular.get(word) or [self._base(word)]
            lines = [self._sets.get(form, "") for form in (word, *bases)]
            self._cache[word] = frozenset(split_at_spaces(" ".join(lines)))
        return self._cache[word]

    def _base(self, word: str) -> str:
        if word.endswith("ss") or len(word) <= 2:
            return word
        ful = "ful" if word.endswith("ful") else ""  # a quirk of the program: it matches no entry
        for suffix, replacement in self.SUFFIXES:
            if word.endswith(suffix):
                base = word.removesuffix(suffix) + replacement
                if base in self._sets:
                    return base + ful
        return ""


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    lines = _lines(name)
    return zip(lines[::2], lines[1::2], strict=False)
