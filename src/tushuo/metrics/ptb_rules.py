"""The kinds of tokens that the official tokenizer knows, as regular expressions.

At each position the rule that covers the longest text wins, and of equally long ones the first. A
rule covers its token and, where it has one, the context that must follow; the context is not part
of the token. The patterns match the classes of characters (metrics/ptb_characters.py). They were
written from general knowledge of the program's grammar and corrected until its output was equal.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tushuo.metrics import ptb_abbreviations as words
from tushuo.metrics.ptb_characters import DIGIT, EXTENDER, IGNORED, LOWER, UPPER

_STRAIGHT = str.maketrans(
    dict.fromkeys("‘‛‹\x91", "`")
    | dict.fromkeys("“«\x93", "``")
    | dict.fromkeys("’›\x92", "'")
    | dict.fromkeys('”»\x94"', "''")
)
_REPLACEMENTS = {
    "(": "-LRB-", ")": "-RRB-", "[": "-LSB-", "]": "-RSB-", "{": "-LCB-", "}": "-RCB-",
    "£": "#", "€": "$", "\x80": "$", "¤": "$", "₠": "$", "¢": "cents",
    "&lt;": "<", "&gt;": ">", "&amp;": "&",
    "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3",
}  # fmt: skip


def _same(token: str) -> str:
    return token


def _replaced(token: str) -> str:
    return _REPLACEMENTS.get(token.lower(), token)


def _dropped(_token: str) -> str:
    return ""


def _straight(token: str) -> str:
    """Replace quotes; of the entities, only those in lower case are known here."""
    return token.translate(_STRAIGHT).replace("&apos;", "'").replace("&quot;", "''")


def _no_soft_hyphens(token: str) -> str:
    return token.replace("\xad", "")


def _no_brackets(token: str) -> str:
    return token.replace("(", "-LRB-").replace(")", "-RRB-")


def _ampersand(token: str) -> str:
    return re.sub("&amp;", "&", token, flags=re.IGNORECASE)


class Rule(NamedTuple):
    """A kind of token: its pattern, the context that must follow, and the form it is given."""

    token: str
    context: str = ""
    form: Callable[[str], str] = _same


def _any_case(alternatives: Iterable[str]) -> str:
    """Return a pattern of words in either case, longest first, dots escaped."""
    longest_first = sorted(alternatives, key=len, reverse=True)
    return f"(?i:{'|'.join(map(re.escape, longest_first))})"


def _capitalised(names: Iterable[str]) -> str:
    """Return a pattern of words of which only the first letter must be a capital."""
    longest_first = sorted(names, key=len, reverse=True)
    return "(?:" + "|".join(f"{name[0]}(?i:{re.escape(name[1:])})" for name in longest_first) + ")"


_L, _N = f"A-Za-z{LOWER}{UPPER}", f"0-9{DIGIT}"  # inside brackets: letters, digits
_LETTER = rf"(?:[{_L}{EXTENDER}\xad]|&[aeiouAEIOU](?i:acute|grave|uml);)"
_SPACE = "[ \t\xa0\u3000\n\r\x0b\x0c\x85\u2028\u2029]"
_BLANK = "[ \t\xa0\u3000]"  # without line ends
_APOSTROPHE = "(?:['\x92’]|&(?i:apos);)"
_MARK = "(?:['\x92’`\x91‘\u201b]|&(?i:apos);)"  # apostrophes and what people type instead
_COMMA = "[,;:\u3001]"
_IGNORED = f"{IGNORED}\\x00-\\x08\\x0e-\\x1f\x7f\u058a\u066b\u066c\u2010\u2011"

_WORD = f"{_LETTER}(?:{_LETTER}|[{_N}])*"
_DOTTED_WORD = f"{_WORD}(?:[.!?]{_WORD})*"
_CLITIC = f"{_APOSTROPHE}(?:[msdMSD]|(?i:re|ve|ll))"
_NOT = f"[nN]{_MARK}[tT]"
_NAME = "[A-Za-z][A-Za-z0-9_:.-]*"
_ATTRIBUTE = rf"[ ]+{_NAME}(?:[ ]*=[ ]*(?:'[^\r\n']*'|\"[^\r\n\"]*\"))?"
_TAG = rf"<(?:[!?][A-Za-z-][^>\r\n]*|/{_NAME}[ ]*|{_NAME}(?:{_ATTRIBUTE})*[ ]*/?[ ]*)>"
_NUMBER = rf"(?:[{_N}]*(?:[.:,\xad\u066b\u066c][{_N}]+)+|[{_N}]+)"
_LETTERS_WITH_DOTS = r"[A-Za-z](?:\.[A-Za-z])+"
_ACRONYM = (
    rf"(?:(?i:(?:canada|sino|korean|eu|japan|non)-u\.s|u\.s\.-(?:u\.k|u\.s\.s\.r))"
    rf"|{_LETTERS_WITH_DOTS})"
)
# "MTG." and "PTY." do not count, "Mtg." and "Pty." do
_ENDING = (
    rf"(?:{_any_case(words.ENDING)}|{_capitalised(words.CAPITAL_ENDING)}|(?i:pp?t)[ey][sS]?)\."
)
_TITLE = rf"(?:{_any_case(words.TITLES)}|[mM][ft][gG]|[A-Za-z])\."
_SENTENCE = f"{_SPACE}+(?:{_capitalised(words.STARTERS)}|{_TAG}){_SPACE}"
_ELIDED = f"(?:[dDoOlL]{_MARK}[{_L}{_N}])?[{_L}{_N}]+"  # l'eau, o'clock
_HYPHENATED = f"{_ELIDED}(?:[-_\u058a\u2010\u2011]{_ELIDED})*"
_PARTS = rf"[A-Za-z0-9][A-Za-z0-9.,\xad]*(?:-(?:{_LETTERS_WITH_DOTS}\.|[A-Za-z0-9\xad]+))+"
_COMPANY = "[A-Z]+(?:(?:&(?i:amp);|[+&])[A-Z]+)+"
_URL_END = r"[^ \t\n\f\r\"<>|.!?(){},-]"
_HOST = (
    r"(?:(?i:www)\.(?:[^ \t\n\f\r\"<>|.!?(){},]+\.)+[a-zA-Z]{2,4}"
    r"|(?:[^ \t\n\f\r\"`'<>|.!?(){},-_$]+\.)+(?i:com|net|org|edu))"
)
_SMALL = f"[{_N}]{{1,4}}"

RULES = (
    # contractions without an apostrophe
    *(Rule(f"(?i:{start})", f"(?i:{end})") for start, end in words.JOINED),
    Rule("'[tT]", "(?i:is|was)"),
    # markup
    Rule(_TAG),
    Rule("&(?i:md|mdash|ndash);|[\x96\x97–—―]", form=_dropped),
    Rule("&(?i:amp);", form=_replaced),
    Rule("&(?i:ht|tl|ur|lr|qc|ql|qr|odq|cdq|#[0-9]+);"),
    # words, with 's and n't split off
    Rule(_DOTTED_WORD, _CLITIC, _no_soft_hyphens),
    Rule(r"[A-Za-z\xad]*[A-MO-Za-mo-z]\xad*", _NOT, _no_soft_hyphens),
    Rule(_DOTTED_WORD, form=_no_soft_hyphens),
    # words with an apostrophe of their own
    Rule(f"{_APOSTROPHE}[nN]{_APOSTROPHE}?"),
    Rule(f"[lLdDjJ]{_APOSTROPHE}"),
    Rule(f"(?i:dunkin|somethin|ol){_APOSTROPHE}"),
    Rule(f"{_APOSTROPHE}(?i:em|till?|cause)"),
    Rule(f"[A-HJ-XZn]{_MARK}[{_L}]{{2,}}"),
    Rule(f"{_APOSTROPHE}[2-9]0[sS]"),
    Rule(f"[{_L}]+[aeiouyAEIOUY]{_MARK}[aeiouA-Z][{_L}]*"),
    Rule(r"(?i:cont'd\.?|'twas|nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l)"),
    Rule(f"[yY]{_APOSTROPHE}", f"[{_L}]"),
    # addresses
    Rule(rf"(?i:https?)://[^ \t\n\f\r\"<>|(){{}}]+{_URL_END}"),
    Rule(rf"{_HOST}/[^ \t\n\f\r\"<>|()]+{_URL_END}"),
    Rule(_HOST),
    Rule(
        r"(?:&(?i:lt);|<)?[a-zA-Z0-9][^ \t\n\f\r\"<>|()\xa0{}]*@"
        r"(?:[^ \t\n\f\r\"<>|(){}.\xa0]+\.)*[^ \t\n\f\r\"<>|(){}.\xa0]+(?:&(?i:gt);|>)?"
    ),
    Rule(f"@[a-zA-Z_][a-zA-Z_0-9]*|#{_LETTER}+"),
    Rule(_CLITIC, "[^A-Za-z]", _straight),
    # numbers
    Rule(f"[{_N}]{{1,2}}[-/][{_N}]{{1,2}}[-/][{_N}]{{2,4}}"),
    Rule(f"[-+]?{_NUMBER}", form=_no_soft_hyphens),
    Rule("[⁺⁻₊₋]?(?:[⁰¹²³⁴-⁹]+|[₀-₉]+)"),
    Rule(rf"(?:{_SMALL}[- \xa0])?{_SMALL}(?:\\?/|⁄){_SMALL}"),
    Rule("[¼½¾⅓-⅞]", form=_replaced),
    # single cases
    Rule(r"(?i:-[lr][rcs]b-|c\.d\.s|pro-|anti-|s(?:&|&amp;)(?:p-500|ls))"),
    Rule(f"(?i:cap){_APOSTROPHE}[nN]|[cC]{_APOSTROPHE}(?i:est)|[oO]{_MARK}[oO]"),
    Rule(r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}"),
    Rule(r"[A-Z]*\$|#"),
    Rule("[¢£¤¥\x80₠€؋฿₤￠￡￥￦]", form=_replaced),
    # abbreviations
    Rule(_ENDING, "(?s:.{0,2})"),
    Rule("[A-Za-z]", rf"\.{_SENTENCE}"),
    Rule(_TITLE),
    Rule(rf"{_ACRONYM}\."),
    Rule(_ACRONYM, _SPACE),
    Rule(
        rf"(?:{_LETTER}|[{_N}])+(?:\.(?:{_LETTER}|[{_N}])+)*\.{_any_case(words.EXTENSIONS)}",
        f"(?:{_SPACE}|[.?!,])",
    ),
    Rule(rf"{_any_case(words.NUMBERED)}\.", f"{_BLANK}?[{_N}]"),
    Rule(f"{_APOSTROPHE}[0-9][0-9]", _SPACE),
    Rule(rf"{_DOTTED_WORD}\.", _COMMA, _no_soft_hyphens),
    Rule(
        r"(?:\([0-9]{2,3}\)[ \xa0]?|(?:\+\+?)?(?:[0-9]{2,4}[- \xa0])?[0-9]{2,4}[- \xa0])"
        r"[0-9]{3,4}[- \xa0]?[0-9]{3,5}"
        r"|(?:(?:\+\+?)?[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}",
        form=_no_brackets,
    ),
    # punctuation
    Rule('"|&(?i:quot);', form=_straight),
    Rule("&(?i:lt|gt);", form=_replaced),
    Rule(r"[<>]?[:;=][-o*']?[()DPdpO\\{@|\[\]]", "[^A-Za-z0-9]", _no_brackets),
    Rule(
        r"[\^x=~<>]\.\[\^x=~<>]|[-^x=~<>']_[-^x=~<>']"
        r"|\([-^x=~<>'][_.]?[-^x=~<>']\)|\([\^x=~<>']-[\^x=~<>'`]\)",
        form=_no_brackets,
    ),
    Rule(r"[(){}\[\]]", form=_replaced),
    Rule("-{1,4}(?!-)", form=_dropped),
    Rule("-+"),
    Rule(r"\.{3,5}|(?:\.[ \xa0]){2,4}\.|[\x85…]", form=_dropped),
    Rule(r"@+|#+|_+|\*+|(?:\\\*){1,3}|[?!]+"),
    # the rest of the words
    Rule(rf"{_PARTS}\.", _COMMA, _no_soft_hyphens),
    Rule(_PARTS, form=_no_soft_hyphens),
    Rule(rf"{_HYPHENATED}\.", _COMMA, _no_soft_hyphens),
    Rule(_HYPHENATED, form=_no_soft_hyphens),
    Rule(_COMPANY, form=_ampersand),
    Rule(rf"{_COMPANY}\.", _COMMA, _ampersand),
    Rule(r"(?i:c\+\+|[cf]#)"),
    Rule("'", r"[A-Za-z][^ \t\n\r\xa0]", _dropped),
    Rule(_CLITIC, form=_straight),
    Rule(_NOT, form=_straight),
    Rule(f"[`‘’‚‛“”\x91-\x94„‟‹›«»]{{1,2}}|''|{_APOSTROPHE}", form=_straight),
    Rule("<<|>>"),
    Rule(f"&(?i:nbsp);|{_SPACE}+|[{_IGNORED}]", form=_dropped),
    Rule("(?s:.)"),
)
