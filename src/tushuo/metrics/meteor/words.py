"""The program's own words: what its option ``-norm`` makes of a line that is already split.

The rules were learned from the program itself (its patterns, and what it prints), and tests hold
the two together. Latin and Cyrillic letters are letters to it, all else is a mark.
"""

import re

from tushuo.metrics.meteor.extra import blank_split, prefixes

_LETTERS = (
    r"A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\u017e\u0400-\u0527\ua640-\ua66e\ua67e-\ua697\u1d00-\u1d7f"
)
_DOT = "\ue000"  # stands for the full stops of an ellipsis until the end
_PLAIN = re.compile(r"[a-z0-9 ]*")
_ELLIPSIS = re.compile(r"\.{2,}")
_RULES = [
    (re.compile(pattern), written)
    for pattern, written in (
        (rf"([^0-9{_LETTERS}{_DOT} \t\n\x0b\f\r.'`,\-‘’])", r" \1 "),
        (r"([^0-9]),([^0-9])", r"\1 , \2"),
        (r"([0-9]),([^0-9])", r"\1 , \2"),
        (r"([^0-9]),([0-9])", r"\1 , \2"),
        (r"[`‘’]", "'"),
        (r"[“”]|''", ' " '),
        ("–", "-"),
        ("--", "-"),
        (rf"([0-9{_LETTERS}.])-([0-9{_LETTERS}])", r"\1 \2"),
        (rf"([^{_LETTERS}])'([^{_LETTERS}])", r"\1 ' \2"),
        (rf"([^{_LETTERS}0-9])'([{_LETTERS}])", r"\1 ' \2"),
        (rf"([{_LETTERS}])'([^{_LETTERS}])", r"\1 ' \2"),
        (rf"([{_LETTERS}])'([{_LETTERS}])", r"\1 '\2"),
        (r"([0-9])'(s)", r"\1 '\2"),
    )
]
_WIDE = re.compile(r"[ \xa0\u2000-\u200a\u202f\u205f\u3000]+")
_LETTER = re.compile(f"[{_LETTERS}]")
_ENDS = "".join(map(chr, range(33)))  # what Java's trim takes away


def normalise(line: str) -> list[str]:
    """Split a line into the words that METEOR aligns."""
    if _PLAIN.fullmatch(line):
        return line.split()
    line = _ELLIPSIS.sub(lambda found: f" {_DOT * len(found[0])} ", f" {line} ")
    for pattern, written in _RULES:
        line = pattern.sub(written, line)
    line = _full_stops(blank_split(line)).replace(_DOT, ".")
    return blank_split(_WIDE.sub(" ", line).strip(_ENDS).lower())


def _full_stops(words: list[str]) -> str:
    """Part the full stop from the word that it ends, but not from an abbreviation."""
    written = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        stem = word[:-1]
        if len(word) == 1 or word[-1] != ".":
            written.append(word)
        elif "." in stem and _LETTER.search(stem):
            written.append(word.replace(".", ""))
        elif _keeps(stem, following):
            written.append(word)
        else:
            written.append(f"{stem} .")
    return " ".join(written)


def _keeps(stem: str, following: str) -> bool:
    """Say whether a word keeps its full stop before the word that follows."""
    only_numbers = prefixes().get(stem)
    return (
        only_numbers is False
        or "a" <= following[:1] <= "z"
        or (only_numbers is True and "0" <= following[:1] <= "9")
    )
