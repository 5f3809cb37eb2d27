"""Tables for the terminal whose numbers are never cut, however narrow it is.

Names and headings wrap first. A table that is still too wide continues below, with its first column
repeated.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

Cell = str | Text
GAP = 2  # characters between columns
LONGEST_WORD = 20  # in a cell that may wrap; longer ones, such as paths, are folded
LONGEST_HEADING_WORD = 10  # names of files may be headings


@dataclass(frozen=True)
class _Column:
    """A column, with the widths that it would like and that it can do with, in characters."""

    heading: str
    cells: list[Cell]
    preferred: int
    least: int

    @classmethod
    def of(cls, heading: str, cells: list[Cell], wraps: bool) -> "_Column":
        widest = max((cell_len(str(cell)) for cell in cells), default=0)
        words = [cell_len(word) for cell in cells for word in str(cell).split()]
        narrow = min(max(words, default=0), LONGEST_WORD) if wraps else widest
        heading_word = max((cell_len(word) for word in heading.split()), default=0)
        least = max(narrow, min(heading_word, LONGEST_HEADING_WORD))
        return cls(heading, cells, max(widest, cell_len(heading)), least)


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    wraps: Collection[int] = (0,),
    console: Console | None = None,
) -> None:
    """Print a table to stdout.

    Args:
        headings: one for each column.
        rows: the cells of each row; strings are printed as they are, without markup.
        wraps: columns whose cells may be wrapped between words: texts, not numbers.
        console: where to print; None: to stdout.
    """
    console = console or Console(highlight=False)
    columns = [
        _Column.of(heading, [row[n] for row in rows], n in wraps)
        for n, heading in enumerate(headings)
    ]
    width = console.width
    for number, part in enumerate(_parts(columns, width)):
        if number:
            console.print()
        # what does not fit at all is wrapped by the terminal, where rich would cut it
        console.width = max(width, _least(*part))
        console.print(_table(part, width))
        console.width = width


def width_of(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> int:
    """Return how many characters a table needs if nothing of it wraps."""
    columns = zip(headings, *rows, strict=True)
    widths = [max(cell_len(str(cell)) for cell in column) for column in columns]
    return sum(widths) + GAP * (len(widths) - 1)


def _parts(columns: list[_Column], width: int) -> list[list[_Column]]:
    """Split the columns into tables that fit, each with the first column."""
    first, *others = columns
    parts: list[list[_Column]] = []
    for column in others:
        if parts and _least(*parts[-1], column) <= width:
            parts[-1].append(column)
        else:
            parts.append([first, column])
    return parts


def _least(*columns: _Column) -> int:
    return sum(column.least for column in columns) + GAP * (len(columns) - 1)


def _table(columns: list[_Column], width: int) -> Table:
    """Make a table as wide as it prefers, or narrowed where that does not fit."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for column, own in zip(columns, _widths(columns, width), strict=True):
        table.add_column(Text(column.heading, "bold"), width=own, overflow="fold")
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table


def _widths(columns: list[_Column], width: int) -> list[int]:
    """Narrow the widest column by a character, again and again, until all fit."""
    widths = [column.preferred for column in columns]
    while sum(widths) + GAP * (len(columns) - 1) > width:
        slack = [n for n, column in enumerate(columns) if widths[n] > column.least]
        if not slack:
            break
        widths[max(slack, key=lambda n: widths[n])] -= 1
    return widths
