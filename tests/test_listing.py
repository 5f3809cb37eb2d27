"""Messages about many pictures stay short."""

from tushuo.listing import SHOWN, first_few


def test_a_few_lines_are_all_shown_and_many_are_counted() -> None:
    lines = [f"picture {n}" for n in range(SHOWN + 3)]
    assert first_few(lines[:SHOWN], "more failed") == lines[:SHOWN]
    assert first_few(lines, "more failed") == [*lines[:SHOWN], "3 more failed"]
    assert first_few([], "more failed") == []
