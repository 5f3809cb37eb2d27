"""Split captions into words as the official evaluator does, without Java.

The COCO evaluator runs Stanford's PTBTokenizer (CoreNLP 3.4.1, ``-preserveLines -lowerCase``) and
then drops punctuation. These rules were inferred from that program's output, not from its source;
docs/metrics.md reports how often the two agree, and where they differ.
"""

import re
from sys import intern

# Tokens that the evaluator drops. Brackets are kept, as by the evaluator: they become -lrb-, while
# its list has -LRB-.
DROPPED = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";", *"‐‑"])
# Characters that the tokenizer skips: emoji and all beyond 16 bits, guillemets, most currencies,
# Roman numerals, East Asian brackets and compatibility forms, invisible characters.
_SKIPPED = re.compile(
    r"[\x81-\x84\x86-\x9f«»҂҈҉\u200b-\u200f‒―‛․‥‧\u202a-\u202e‹›‼‽⁃⁅-\u2064\u2066-\u206f"
    r"₡-₣₥-₫₭-\u20ff⅐-⅒⅟-\u218f\u2de0-\u2e2e\u2e30-\u2fff〃〄〇-】〓-〰〶-\u303f\u3099-゜゠㆐-㆟"
    r"\u31c0-\u31ef㈀-㏿\ufd3e-\ufd4f\ufdcf\ufdfc-\ufe6f\ufeff￢-￤￨-�\U00010000-\U0010ffff]"
)
_NUMERALS = re.compile(r"([²³¹⁰⁴-⁹₀-₉⅓-⅞①-⒛⓪-⓿❶-➓])")  # each is a word
_CURRENCY = str.maketrans("¤\x80₠", "€€€", "\xad")

_L, _A, _N = r"(?:[^\W\d_½¼¾]|[˂-\u036f])", "['’‘]", "n['’‘`]t"  # letter, apostrophe, n't
_W = r"(?:[^\W_½¼¾]|[˂-\u036f])+"  # letters, accents and digits
_ABBREVIATIONS = (
    "mr mrs ms dr st jr sr inc etc vs ave blvd ph.d co corp ltd prof gen rep sen gov lt col sgt "
    "capt mt ft jan feb aug sept oct nov dec"
).replace(" ", "|")
# Words that start a new sentence after one letter and a full stop.
_STARTERS = (
    "A An The In It He She They We You This That These There Here At As But If When While One Some "
    "Many Her Their Our What After So Other Then Now However Since Once About"
).replace(" ", "|")
_TOKENS = {
    "tag": r"</?[a-z!?][^>\s]*>",
    "entity": r"&(?:amp|lt|gt|quot|apos);",
    "address": r"https?://[^\s<>\"|]*[^\s<>\"|.,]|www\.[^\s<>\"|]*[\w/]|\w[\w.+-]*@[\w-]+(?:\.[\w-]+)*"
    r"|(?:[a-z0-9][a-z0-9-]*\.)+(?:com|net|org|edu)\b(?:/\S*)?",
    "handle": rf"[@#]{_L}\w*",
    "smiley": r"[:;=]-?[()dp](?!\w)|\^_\^",
    "contraction": r"\b(?:can(?=not\b)|gon(?=na\b)|got(?=ta\b)|wan(?=na\b)|lem(?=me\b)|gim(?=me\b))"
    rf"|{_A}t(?=(?:is|was)\b)|\b{_N}\w+",
    "negated": rf"{_L}+?(?<!n)(?={_N})",
    "negation": rf"{_N}\w*",
    "single": rf"\b(?:c{_A}mon|e{_A}er|ev{_A}ry|li{_A}l|nat{_A}l|nor{_A}easter|s{_A}mores)\b"
    rf"|\b(?:somethin|dunkin){_A}(?!\w)|\bol{_A}|\by{_A}(?=all|know\b)|{_A}(?:em|cause|till?)\b"
    rf"|\b(?-i:[A-HJ-XZ]|n){_A}(?!(?:ll|re|ve)\b){_L}{{2,}}|\b[odl]{_A}{_L}+"
    rf"|{_L}+[aeiouy]{_A}(?!(?:ll|re|ve|s|d|m)\b)(?:[aeiou]|(?-i:[A-Z])){_L}*",
    "clitic": rf"’(?:s|m|d|re|ve|ll)|{_A}(?:s|m|d|re|ve|ll)(?!\w)",
    "apostrophe": rf"{_A}n(?:{_A}|(?!\w))|{_A}\d\d(?:s|(?!\S))",
    "fraction": r"(?<![\w.,:/-])\d+ \d+/\d+(?![\w/])",
    "time": r"\d+:\d\d(?=[ap]m\b)",
    "measure": r"\d+(?:[.,]\d+)+(?:-[^\W_]+)+|(?<!\S)\d+(?:[/-]\d+)+(?!-?\w)",
    "number": r"[-+]?\d*(?:[.,:]\d+)+|[-+]\d+|(?<!\S)\d+(?![\w/-])",
    "currency": r"\b(?-i:US|HK|NZ|A|C)\$",
    "company": r"\b(?-i:[A-Z]+&[A-Z]+)|\bc\+\+|\b[cf]#",
    "initial": rf"\b{_L}(?=\.\s+(?-i:{_STARTERS})\b)",
    "acronym": rf"\b(?:{_L}\.)+(?!\w)",
    "abbreviation": rf"\b(?:{_ABBREVIATIONS})\.(?!\w)|\bno\.(?=\s?\d)",
    "word": rf"{_W}(?:[-_/‐‑]{_W}|(?<={_L})[.!?](?={_L}){_W})*",
    "ellipsis": r"\.(?:\s?\.){2,}|…",
    "dashes": r"-{2,}|[–—]",
    "exclamation": r"[?!]+",
    "other": r"\S",
}
_TOKEN = re.compile("|".join(f"(?:{pattern})" for pattern in _TOKENS.values()), re.IGNORECASE)
_REPLACEMENTS = {
    "(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-",
    "“": "''", "”": "''", '"': "''", "‘": "'", "’": "'", "–": "--", "—": "--",
    "£": "#", "€": "$", "¢": "cents", "½": "1/2", "¼": "1/4", "¾": "3/4",
    "⅓": "1/3", "⅔": "2/3",
    "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "''", "&apos;": "'",
}  # fmt: skip
_ELLIPSIS = re.compile(r"\.[\s.]*\.|…|-{2,}")
# Most captions are words and spaces, at most with hyphens, a separate 's, commas and a final full
# stop: splitting them at spaces is enough.
_PLAIN = re.compile(r"(?:[a-z]{2,} |a |, |'s |[a-z]+(?:-[a-z]+)+ )*[a-z]{2,} ?\.?")
_DOTTED = tuple(f"{word}." for word in _ABBREVIATIONS.split("|"))
_CONTRACTED = re.compile(r"\b(?:cannot|gonna|gotta|wanna|lemme|gimme)\b")


def tokenize(caption: str) -> list[str]:
    """Split a caption into the words that the official evaluator counts.

    Words are interned: each of the few thousand of a corpus is stored once.
    """
    plain = caption.lower().strip()
    if _PLAIN.fullmatch(plain) and not _CONTRACTED.search(plain) and not plain.endswith(_DOTTED):
        return [intern(word) for word in plain.rstrip(".").split() if word != ","]
    if not caption.isascii():
        caption = _NUMERALS.sub(r" \1 ", _SKIPPED.sub(" ", caption.translate(_CURRENCY)))
    words = map(_normalise, _TOKEN.findall(caption))
    return [word for word in words if word not in DROPPED]


def _normalise(token: str) -> str:
    """Return a token in the form of the Penn Treebank, in lower case."""
    token = token.lower()
    if token in _REPLACEMENTS:
        return _REPLACEMENTS[token]
    if _ELLIPSIS.fullmatch(token):
        return "--" if token[0] == "-" else "..."
    if token[-1] in "()" and len(token) > 1:
        return token[:-1] + _REPLACEMENTS[token[-1]]
    return token.replace("’", "'").replace("‘", "'").replace(" ", "\xa0")  # "1 1/2" is one word
