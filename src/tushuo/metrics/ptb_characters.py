"""How the official tokenizer classifies the characters beyond ASCII.

Its tables are of an old version of Unicode, so that Python's ``str.isalpha`` alone would not do: it
ignores newer letters, and it extends words by accents and vowel signs of some scripts only. The
ranges below are measured: each character of the Basic Multilingual Plane was given to the program
alone, inside a word, after a digit and before a digit (scripts/ptb_beside_java.py does it again).
"""

LOWER, UPPER = "é", "É"  # letters; upper case matters after an abbreviation
EXTENDER = "\u0300"  # continues a word that began with a letter, but not one with a digit
DIGIT = "٠"
IGNORED = "\x01"

_INSIDE = "\xad\u058a\u066b\u066c\u2010\u2011"  # hyphens and separators of numbers
_EXTENDERS = """
2c2-2c5 2d2-2df 2e5-2eb 2ed 2ef-36f 375 378-379 384-385 3f6 483-487 55a-55f 591-5bd 5bf 5c1-5c2
5c4-5c5 5c7 615-61a 64b-65e 670 6d6-6e4 6e7-6ed 6fd-6fe 70f 711 730-74c 7a6-7b0 7eb-7f3 900-903 93c
93e-94e 951-955 962-963 981-983 9bc 9be-9c4 9c7-9c8 9cb-9cd 9d7 9e2-9e3 a01-a03 a3c a3e-a4f a81-a83
abc abe-acf b82 bbe-bc2 bc6-bc8 bca-bcd c01-c03 c3e-c56 d3e-d44 d46-d48 e31 e34-e3a e47-e4e eb1
eb4-ebc ec8-ecd
"""
_UNKNOWN_LETTERS = """
37f 528-52f 560 588 5ef 860-86a 870-887 889-88e 8a1 8ad-8c9 978 980 9fc af9 c34 c5a c5d c80 cdd d04
d54-d56 d5f e86 e89 e8c e8e-e93 e98 ea0 ea8-ea9 eac 13f5 13f8-13fd 16f1-16f8 170d 171f 1878
191d-191e 19b0-19c0 19c8-19c9 1b4c 1c80-1c8a 1c90-1cba 1cbd-1cbf 1cf2-1cf3 1cfa 2c2f 2c5f 312e-312f
31bb-31bf 4db6-4dbf 9fcd-9fff a698-a69d a78f a794-a79f a7ab-a7dc a7f1-a7f7 a8fd-a8fe a9e0-a9e4
a9e6-a9ef a9fa-a9fe aa7e-aa7f ab30-ab5a ab5c-ab69 ab70-abbf
"""
_OTHER_LETTERS = "1885-1886"
_UNKNOWN_DIGITS = "de6-def a9f0-a9f9"
_SIGNS = """
80 91-94 96-97 a1-a9 ab-ac ae-b4 b6-b9 bb-bf d7 f7 37e 387 589 5be 5c0 5c3 5c6 5f3-5f4 600-603
606-60c 614 61b 61e-61f 66a 66d 6d4 700-70d 7f6-7f8 964-965 e3f e4f 1fbd 2013-2023 2026 2030-203b
203e-2042 2044 2070 2074-207e 2080-208e 20a0 20a4 20ac 2100-2101 2103-2106 2108-2109 2114 2116-2118
211e-2123 2125 2127 2129 212e 213a-213b 2140-2144 214a-214d 214f 2153-215e 2190-2bff 3001-3002 3012
30fb ff01-ff0f ff1a-ff20 ff3b-ff40 ff5b-ff65 ffe0-ffe1 ffe5-ffe6
"""


def _codes(ranges: str) -> frozenset[int]:
    """Return the code points of ranges such as ``"5bf 5c1-5c2"``."""
    codes: set[int] = set()
    for part in ranges.split():
        first, _, last = part.partition("-")
        codes.update(range(int(first, 16), int(last or first, 16) + 1))
    return frozenset(codes)


class _Classes(dict[int, str]):
    """A table for ``str.translate``, which computes the class of a character at its first use."""

    extenders, signs = _codes(_EXTENDERS), _codes(_SIGNS)
    not_letters, letters = _codes(_UNKNOWN_LETTERS), _codes(_OTHER_LETTERS)
    not_digits = _codes(_UNKNOWN_DIGITS)
    kept = frozenset(map(ord, _INSIDE + "\xa0\u2028\u2029\u3000\x85\t\n\r\x0b\x0c"))
    spaces = frozenset(range(0x2000, 0x200B))

    def __missing__(self, code: int) -> str:
        self[code] = self._class_of(code)
        return self[code]

    def _class_of(self, code: int) -> str:
        character = chr(code)
        if code in self.kept or code in self.signs or 0x20 <= code < 0x7F:
            return character
        if code in self.spaces:
            return "\u3000"
        if code in self.extenders:
            return EXTENDER
        if code > 0xFFFF or code in self.not_letters or code in self.not_digits:
            return IGNORED
        if character.isalpha() or code in self.letters:
            return UPPER if character.isupper() else LOWER
        return DIGIT if character.isdecimal() else IGNORED


_CLASSES = _Classes()


def classes(text: str) -> str:
    """Return the text with each character beyond ASCII replaced by the sign of its class.

    Letters become ``UPPER`` or ``LOWER``, accents ``EXTENDER``, digits ``DIGIT``; characters that
    the program skips become ``IGNORED``. Punctuation stays as it is. The length does not change.
    """
    return text.translate(_CLASSES)
