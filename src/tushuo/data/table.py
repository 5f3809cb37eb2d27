"""Tables of picture and caption: CSV and its relatives, with tabs, semicolons or bars.

The columns are found by ``columns.py``; a table of two columns needs no header. A column ``split``
is used. A cell may hold a list of captions, as JSON or as Python writes it.
"""

import ast
import io
import tokenize
import warnings
from collections.abc import Callable, Sequence

import msgspec

from tushuo.data.cells import cut, find_separator
from tushuo.data.columns import (
    Columns,
    columns_without_header,
    find_columns,
    is_address,
    named_columns,
    split_of_cell,
)
from tushuo.data.content import Content
from tushuo.data.entry import Entry
from tushuo.errors import DataError

NAMES = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}
SAMPLE = 200  # rows by whose cells columns without known names are found
MISSING = {"NaN", "nan", "NULL", "null", "None", "<NA>", "N/A", "#N/A"}  # written for empty cells
ADVICE = (
    "pictures are addresses here; download them first, for example with img2dataset, whose "
    "folders and tar files can be read"
)


def is_table(content: Content) -> bool:
    """Recognise a table by the names in its header."""
    return _is_text(content) and _separator(content, _named_columns) is not None


def is_unnamed_table(content: Content) -> bool:
    """Recognise a table by a column of picture names, and a column of other text."""
    return _is_text(content) and _separator(content, _columns) is not None


def read_table(content: Content) -> list[Entry]:
    """Read one table.

    Raises:
        DataError: a row has other cells than the header, lacks a picture, or names an address.
    """
    path = content.path
    separator = _separator(content, _named_columns) or _separator(content, _columns)
    if separator is None:
        raise DataError(f"{path} is not a table of pictures and captions")
    rows = cut(content.text, separator)
    columns, has_header = _columns(rows)
    assert columns is not None  # as in _separator
    header = rows[0] if has_header else None
    entries, repeated = [], 0
    for number, row in enumerate(rows, 1):
        if header and [cell.strip() for cell in row] == [cell.strip() for cell in header]:
            repeated += number > 1
            continue
        where = f"{path}, row {number}"
        entries.append(_entry(row, columns, rows[0], separator=separator, where=where))
    if repeated:
        warnings.warn(
            f"{path.name}: rows that repeat the header are left out: {repeated}", stacklevel=2
        )
    return entries


def parse_captions(cell: str) -> tuple[str, ...]:
    """Return the captions of a cell: itself, or a list written as JSON, by Python or by numpy."""
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return (text,)
    try:
        return msgspec.json.decode(text, type=tuple[str, ...])
    except msgspec.DecodeError:
        pass
    try:  # numpy writes no commas between texts, which Python would join
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        values = [ast.literal_eval(one.string) for one in tokens if one.type == tokenize.STRING]
    except (ValueError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError):
        return (text,)
    marks = {one.string for one in tokens if one.type != tokenize.STRING and one.string.strip()}
    is_list = bool(values) and marks <= {"[", "]", ","}
    return tuple(values) if is_list and all(isinstance(one, str) for one in values) else (text,)


def _entry(
    row: list[str], columns: Columns, first: Sequence[str], *, separator: str, where: str
) -> Entry:
    cells, width = [cell.strip() for cell in row], len(first)
    while len(cells) > width and not cells[-1]:  # a separator at the end of the line
        cells.pop()
    if len(cells) != width:
        raise DataError(
            f"{where}: {separator.join(row)[:60]!r} has {len(cells)} cells instead of {width}; "
            f"quote captions that contain the separator (a {NAMES[separator]}), and fill in what "
            "is missing"
        )
    name = cells[columns.image]
    if not name:
        raise DataError(f"{where}: {separator.join(row)[:60]!r} lacks a picture; name its file")
    if is_address(name):
        raise DataError(f"{where}: {name[:60]!r}: {ADVICE}")
    texts = ["" if cells[n] in MISSING else cells[n] for n in columns.captions]
    if len(texts) > 1:  # columns caption_1 to caption_5: fewer captions leave cells empty
        texts = [text for text in texts if text]
    split = None
    if columns.split is not None:
        split = split_of_cell(first[columns.split], cells[columns.split], f"{where}: {name}")
    return Entry(
        name=name,
        captions=tuple(caption for text in texts for caption in parse_captions(text)),
        split=split,
    )


def _is_text(content: Content) -> bool:
    return not content.is_json and content.first_object is None


Find = Callable[[Sequence[Sequence[str]]], tuple[Columns | None, bool]]


def _separator(content: Content, find: Find) -> str | None:
    first = "\t" if content.path.suffix.lower() == ".tsv" else ","
    return find_separator(content.first_text, lambda rows: find(rows)[0] is not None, first=first)


def _named_columns(rows: Sequence[Sequence[str]]) -> tuple[Columns | None, bool]:
    return named_columns(rows[0], rows[1:SAMPLE]), True


def _columns(rows: Sequence[Sequence[str]]) -> tuple[Columns | None, bool]:
    """Return the columns, and whether the first row is a header."""
    found = find_columns(rows[0], rows[1:SAMPLE])
    return (found, True) if found else (columns_without_header(rows[:SAMPLE]), False)
