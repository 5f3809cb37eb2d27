"""Cut a text table into rows of cells: separators and quotes.

``csv.Sniffer`` guesses the separator from the frequency of characters and is misled by captions
with commas; here the first separator is taken under which the columns are found (``columns.py``).
"""

import csv
import io
import re
import sys
from collections.abc import Callable, Sequence

from tushuo.data.columns import is_picture_name

EXCEL = re.compile(r'"?sep=.?"?')  # a first line that names the separator
SEPARATORS = ("\t", ",", ";", "|")


def cut(text: str, separator: str) -> list[list[str]]:
    """Cut text into rows; rows without cells are dropped.

    Quotes are those of CSV if the whole text obeys its rules. Otherwise each line is a row, and in
    a line that breaks the rules a quote is a character like any other: tab-separated captions often
    begin with one that never closes, and would swallow the rows after it.
    """
    lines = list(io.StringIO(text))
    if lines and EXCEL.fullmatch(lines[0].strip()):
        lines = lines[1:]
    try:
        rows = _parse(lines, separator)
    except csv.Error:
        rows = None
    if rows is None or any(_swallowed(cell, separator) for row in rows for cell in row):
        rows = [_cut_line(line.rstrip("\n"), separator) for line in lines]
    return [row for row in rows if any(cell.strip() for cell in row)]


def find_separator(
    text: str, accept: Callable[[Sequence[Sequence[str]]], bool], *, first: str
) -> str | None:
    """Return the first separator under which the rows are accepted; ``first`` is tried first."""
    for separator in dict.fromkeys((first, *SEPARATORS)):
        rows = cut(text, separator)
        if rows and len(rows[0]) > 1 and accept(rows):
            return separator
    return None


def _parse(lines: list[str], separator: str) -> list[list[str]]:
    csv.field_size_limit(sys.maxsize)  # long captions are refused by name elsewhere
    return list(csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True))


def _swallowed(cell: str, separator: str) -> bool:
    """Return whether a quoted cell of several lines contains what is a row of its own."""
    if "\n" not in cell:
        return False
    _, *rest = cell.split("\n")
    return any(
        separator in line and any(map(is_picture_name, line.split(separator))) for line in rest
    )


def _cut_line(line: str, separator: str) -> list[str]:
    try:
        (row,) = _parse([line], separator) or [[]]
        return row
    except csv.Error:
        return [cell.strip() for cell in line.split(separator)]
