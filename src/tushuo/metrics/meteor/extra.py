"""The files of the extra ``official``: METEOR's program and its data, read where they lie."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

from tushuo.errors import MissingPartError

JAR = "meteor-1.5.jar"
PARAPHRASES = Path("data", "paraphrase-en.gz")
INSTALL = "pip install 'tushuo[official]'"
_BLANKS = re.compile(r"[ \t\n\r\f]+")  # what Java splits at; Python's split() knows more


def folder() -> Path:
    """Return the folder of METEOR's program and data.

    Raises:
        MissingPartError: the extra is not installed, or not whole.
    """
    found = find_spec("pycocoevalcap")
    if found is None or not found.submodule_search_locations:
        raise MissingPartError(
            f"METEOR wants the data of pycocoevalcap, which is not installed: {INSTALL}"
        )
    place = Path(found.submodule_search_locations[0]) / "meteor"
    for part in (place / JAR, place / PARAPHRASES):
        if not part.is_file():
            raise MissingPartError(f"METEOR wants {part}, which is not there; again: {INSTALL}")
    return place


def installed() -> bool:
    """Say whether METEOR can be computed here."""
    try:
        folder()
        return version("snowballstemmer").startswith("2.")
    except (MissingPartError, PackageNotFoundError):
        return False


def blank_split(text: str) -> list[str]:
    """Split at ASCII blanks alone."""
    return [word for word in _BLANKS.split(text) if word]


def _lines(name: str) -> list[str]:
    with ZipFile(folder() / JAR) as jar:
        return jar.read(name).decode().split("\n")


@cache
def function_words() -> frozenset[str]:
    """Words that count less: articles, prepositions, marks."""
    return frozenset(_lines("function/english.words"))


@cache
def prefixes() -> dict[str, bool]:
    """Abbreviations that keep their full stop; True: only before a number."""
    split = [blank_split(line) for line in _lines("nonbreaking/english.prefixes")]
    return {
        parts[0]: parts[1:2] == ["#NUMERIC_ONLY#"]
        for parts in split
        if parts and not parts[0].startswith("#")
    }


class Synonyms:
    """WordNet 3: the sets of synonyms that a word, or the word it is a form of, stands in."""

    # an ending, and what stands in its place in the dictionary; the first that leads there counts
    ENDINGS = (
        ("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"),
        ("men", "man"), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""),
        ("ing", "e"), ("ing", ""), ("er", ""), ("est", ""), ("er", "e"), ("est", "e"),
    )  # fmt: skip

    def __init__(self) -> None:
        self._sets = dict(_pairs("synonym/english.synsets"))
        self._bases: dict[str, list[str]] = {}
        for base, forms in _pairs("synonym/english.exceptions"):
            for form in blank_split(forms):
                self._bases.setdefault(form, []).append(base)
        self._known: dict[str, frozenset[str]] = {}

    def __getitem__(self, word: str) -> frozenset[str]:
        """Return the names of a word's sets; none for a word that is not in the dictionary."""
        if word not in self._known:
            bases = self._bases.get(word) or [self._base(word)]
            lines = [self._sets.get(one, "") for one in (word, *bases)]
            self._known[word] = frozenset(blank_split(" ".join(lines)))
        return self._known[word]

    def _base(self, word: str) -> str:
        if word.endswith("ss") or len(word) <= 2:
            return word
        ful = "ful" if word.endswith("ful") else ""  # an oddity: put at the end, it finds nothing
        for ending, instead in self.ENDINGS:
            if word.endswith(ending):
                base = word.removesuffix(ending) + instead
                if base in self._sets:
                    return base + ful
        return ""


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    lines = _lines(name)
    return zip(lines[::2], lines[1::2], strict=False)
