"""Tables and progress bars in terminals of any width: no number is cut or wrapped."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from tushuo.cli.progress import Bar
from tushuo.cli.tables import print_table, width_of

HEADINGS = ["metric", "this run", "95 % interval", "frequent", "a-name-of-a-long-file-of-results"]
ROWS = [
    ["Bleu_4", "0.5787", "0.5445 to 0.6141", "0.0666", "-"],
    ["CIDEr, of all pictures", "3.1467", "+2.8508 to +3.4749", "12.3324", "7.8328"],
]
WIDTHS = [20, 40, 60, 80, 200]


def printed(width: int, **how: object) -> str:
    file = io.StringIO()
    print_table(HEADINGS, ROWS, console=Console(file=file, width=width), **how)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_number_is_cut_and_no_line_is_too_long(width: int) -> None:
    content = printed(width)
    for cell in (cell for row in ROWS for cell in row[1:]):
        assert cell in content
    assert "…" not in content
    if width >= 40:
        assert max(map(len, content.splitlines())) <= width


def test_columns_that_do_not_fit_continue_below_with_the_names() -> None:
    assert printed(200).count("metric") == 1
    assert printed(50).count("metric") == 2
    assert printed(50).count("Bleu_4") == 2
    first, second = printed(50).split("\n\n")
    assert "0.5445 to 0.6141" in first
    assert "7.8328" in second


def test_texts_wrap_between_words_and_are_not_markup() -> None:
    file = io.StringIO()
    rows = [
        ["[red] missing pictures", "3: /a/long/folder/of/pictures/one.jpg, two.jpg"],
        ["图片", "1"],
    ]
    print_table(["check", "result"], rows, wraps=(0, 1), console=Console(file=file, width=32))
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 32
    content = "".join("".join(lines).split())
    for word in ("[red]", "missing", "pictures", "3:", "two.jpg", "图片"):
        assert word in content


def test_the_width_counts_wide_characters() -> None:
    rows = [["图片", Text("1.0")], ["a", Text("10.0")]]
    assert width_of(["", "x"], rows) == 4 + 2 + 4


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_a_progress_bar_cuts_no_number(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(
        "tushuo.cli.progress.Console",
        lambda **_: Console(file=file, force_terminal=True, width=width, color_system=None),
    )
    with Bar("train") as bar:
        bar(22345, 123456, "epoch 2/3 loss 1.824  320 captions/s")
    last = file.getvalue().rsplit("train", 1)[1]
    assert "22345/123456" in last
    for word in ("2/3", "1.824", "320"):
        assert word in last
    assert "…" not in last
