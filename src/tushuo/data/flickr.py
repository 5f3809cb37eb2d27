"""Lines of picture, number and caption: Flickr8k, Flickr30k, Flickr8k-CN, COCO-CN.

- Flickr8k and Flickr30k: ``NAME.jpg#0<TAB>caption``.
- Flickr8k-CN: ``NAME.jpg#zhc#0 caption``; COCO-CN: ``NAME#zhm#0<TAB>caption``, without an ending.
- Flickr30k as ``results.csv``: ``NAME.jpg| 0| caption``. The published file lacks a bar in one row
  (``NAME.jpg| 4   A dog runs``), which is read as if it had it.
"""

import re

from tushuo.data.content import Content
from tushuo.data.entry import Entry
from tushuo.errors import DataError
from tushuo.text.tokenization import Language

LINE = re.compile(
    r"(?P<name>[^\t#]+?\.\w+|[^\t#]+?(?=#[a-z]+#))#(?:(?P<mark>\w+)#)?\d+[\t ](?P<caption>.*)"
)
BARS = re.compile(r"(?P<name>[^|]+?\.\w+)\s*\|\s*\d+\s*(?:\||\s)\s*(?P<caption>.*)")
HEAD_OF_BARS = re.compile(r"image_name\s*\|\s*comment_number\s*\|\s*comment")
LEMMAS = ".lemma."  # Flickr8k's second token file, of lemmatised captions


def is_tokens(content: Content) -> bool:
    """Recognise a token file by its first line."""
    return any(LINE.fullmatch(line) for line in content.first_lines[:1])


def is_bars(content: Content) -> bool:
    """Recognise Flickr30k's ``results.csv`` by its first line."""
    first = next(iter(content.first_lines), "")
    return bool(HEAD_OF_BARS.fullmatch(first.strip()) or BARS.fullmatch(first))


def language_of_tokens(content: Content) -> Language:
    """Return the language that the marks of a token file state: ``#zhc#`` is Chinese."""
    match = LINE.fullmatch(next(iter(content.first_lines), ""))
    return "zh" if match and (match["mark"] or "").startswith("zh") else "en"


def read_tokens(content: Content) -> list[Entry]:
    """Read a token file.

    Raises:
        DataError: a line has another format.
    """
    return _entries(content, LINE, "NAME.jpg#0<TAB>caption")


def read_bars(content: Content) -> list[Entry]:
    """Read Flickr30k's ``results.csv``.

    Raises:
        DataError: a line has another format.
    """
    return _entries(content, BARS, "NAME.jpg| 0| caption", head=HEAD_OF_BARS)


def _entries(
    content: Content, form: re.Pattern[str], expected: str, head: re.Pattern[str] | None = None
) -> list[Entry]:
    entries = []
    for number, line in enumerate(content.lines, 1):
        text = line.rstrip("\n")
        if not text.strip() or (head and head.fullmatch(text.strip())):
            continue
        match = form.fullmatch(text)
        if not match:
            raise DataError(
                f"{content.path}, line {number}: {text[:60]!r} does not have the format {expected}"
            )
        entries.append(Entry(name=match["name"].strip(), captions=(match["caption"].strip(),)))
    return entries
