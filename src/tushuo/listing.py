"""A few of many lines, for messages about many pictures."""

from collections.abc import Sequence

SHOWN = 5


def first_few(lines: Sequence[str], rest: str) -> list[str]:
    """Return the first lines, and one that counts the others.

    Args:
        lines: any number of lines.
        rest: what the others are, after their number, such as "more pictures failed".
    """
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], f"{more} {rest}"] if more > 0 else list(lines)
