"""METEOR's own normalisation: the result of its option ``-norm`` for a line that is already split.

The rules come from the program (its patterns and its output); tests compare the two. Only Latin and
Cyrillic letters are letters to it, all other characters are punctuation.
"""

import re

from tushuo.metrics.meteor.extra import prefixes, split_at_spaces

_LETTERS = (
    r"A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\u017e\u0400-\u0527\ua640-\ua66e\ua67e-\ua697\u1d00-\u1d7f"
)
_DOT = "\ue000"  # replaces the full stops of an ellipsis until the end
_PLAIN = re.compile(r"[a-z0-9 ]*")
_ELLIPSIS = re.compile(r"\.{2,}")
_RULES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
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
_UNICODE_SPACES = re.compile(r"[ \xa0\u2000-\u200a\u202f\u205f\u3000]+")
_LETTER = re.compile(f"[{_LETTERS}]")
_TRIMMED = "".join(map(chr, range(33)))  # the characters that Java's trim removes


def normalise(line: str) -> list[str]:
    """Split a line into the words that METEOR aligns."""
    if _PLAIN.fullmatch(line):
        return line.split()
    line = _ELLIPSIS.sub(lambda match: f" {_DOT * len(match[0])} ", f" {line} ")
    for pattern, replacement in _RULES:
        line = pattern.sub(replacement, line)
    line = _split_full_stops(split_at_spaces(line)).replace(_DOT, ".")
    return split_at_spaces(_UNICODE_SPACES.sub(" ", line).strip(_TRIMMED).lower())


def _split_full_stops(words: list[str]) -> str:
    """Separate the full stop from the word before it, unless that is an abbreviation."""
    parts = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        stem = word[:-1]
        if len(word) == 1 or word[-1] != ".":
            parts.append(word)
        elif "." in stem and _LETTER.search(stem):
            parts.append(word.replace(".", ""))
        elif _keeps_full_stop(stem, following):
            parts.append(word)
        else:
            parts.append(f"{stem} .")
    return " ".join(parts)


def _keeps_full_stop(stem: str, following: str) -> bool:
    """Return whether a word keeps its full stop before the word that follows."""
    only_numbers = prefixes().get(stem)
    return (
        only_numbers is False
        or "a" <= following[:1] <= "z"
        or (only_numbers is True and "0" <= following[:1] <= "9")
    )
