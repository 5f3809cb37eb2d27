"""Split captions into words as the official evaluator does, without Java.

The COCO evaluator runs Stanford's PTBTokenizer (CoreNLP 3.4.1, ``-preserveLines -lowerCase``) and
then drops punctuation. The rules (metrics/ptb_rules.py) follow the kinds of tokens of its published
grammar and were corrected by its output; docs/metrics.md reports how often the two agree.
"""

import re
from collections.abc import Iterator
from functools import cache
from sys import intern

from tushuo.metrics import ptb_abbreviations
from tushuo.metrics.ptb_characters import classes
from tushuo.metrics.ptb_rules import RULES, Rule

# Words that the evaluator drops. Brackets are kept, as by the evaluator: they become -lrb-, while
# its list has -LRB-.
DROPPED = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";", ""])

# Most captions are words and spaces, at most with hyphens, a separate 's, commas and a final full
# stop: splitting them at spaces is enough.
_PLAIN = re.compile(r"(?:[a-z]{2,} |a |, |'s |[a-z]+(?:-[a-z]+)+ )*[a-z]{2,} ?\.?")
_JOINED = "|".join(map("".join, ptb_abbreviations.JOINED))
_CONTRACTED = re.compile(rf"\b(?:{_JOINED})\b")
_ABBREVIATIONS = frozenset(
    f"{word.lower()}."
    for word in (
        *ptb_abbreviations.ENDING,
        *ptb_abbreviations.CAPITAL_ENDING,
        *ptb_abbreviations.TITLES,
        *ptb_abbreviations.IRREGULAR,
    )
)
# In other captions, most words are found without trying the rules: those before a space, a comma
# and a space, or the end. A final full stop needs the rules only after an abbreviation.
_SIMPLE = re.compile(
    rf" *(?!(?i:{_JOINED}))(?:([A-Za-z]+)(?=,? |'s |\n)|([0-9]+)(?=,? [A-Za-z])"
    rf"|'s(?= )|([A-Za-z]{{2,}})(?=\.\n)|[\",](?=[ \"\n])|\.(?=\n))"
)


def tokenize(caption: str, next_caption: str = "x") -> list[str]:
    """Split a caption into the words that the official evaluator counts.

    The official program reads all captions as lines of one text, and a few of its rules read on
    into the next line: a final "J." is an initial if the next caption begins with "Smith", but "J"
    and a full stop if it begins with "The man". Scores must not depend on the order of captions, so
    a word in lower case is assumed here.

    Words are interned: each of the few thousand of a corpus is stored once.

    Args:
        caption: one line of text; line ends count as spaces.
        next_caption: what the program would read after the caption.
    """
    plain = caption.lower().strip()
    if (
        _PLAIN.fullmatch(plain)
        and not _CONTRACTED.search(plain)
        and plain[plain.rfind(" ") + 1 :] not in _ABBREVIATIONS
        and caption.isascii()
    ):
        return [intern(word) for word in plain.rstrip(".").split() if word != ","]
    return [intern(word) for word in _words(caption, next_caption) if word not in DROPPED]


def _words(caption: str, next_caption: str) -> Iterator[str]:
    """Yield the words of any caption, punctuation included."""
    caption = caption.rstrip().replace("\n", " ")
    text = f"{caption}\n{next_caption}"
    characters = text if text.isascii() else classes(text)
    position = 0
    while position < len(caption):
        simple = _SIMPLE.match(characters, position)
        if simple and not (simple[3] and f"{simple[3].lower()}." in _ABBREVIATIONS):
            position = simple.end()
            yield simple[0].strip(' ,."').lower()
        elif characters[position] == " ":
            position += 1
        else:
            rule, end = _longest(characters, position)
            word = rule.form(text[position:end]).lower()
            position = end
            yield word.replace(" ", "\xa0")  # "1 1/2" is one word


def _longest(characters: str, position: int) -> tuple[Rule, int]:
    """Return the rule that applies at a position, and where its token ends."""
    match = _rules().match(characters, position)
    assert match  # each rule may match nothing
    ends = [end for _, end in match.regs[1::2]]
    best = ends.index(max(ends))
    return RULES[best], match.end(2 * best + 2)


@cache
def _rules() -> re.Pattern[str]:
    """Return all rules in one expression, which takes some time to compile.

    Group 2n + 1 is what rule n covers, and 2n + 2 its token; they are unset without a match.
    """
    return re.compile("".join(f"(?=(({rule.token}){rule.context})|)" for rule in RULES))
