"""Mistakes in the syntax of a command are one sentence each, and name the help to read."""

import io
import sys

import pytest

from tushuo.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("capton a.jpg", "capton is not a command; did you mean caption?; see: tushuo --help"),
        ("data chek", "chek is not a command; did you mean check?; see: tushuo data --help"),
        ("evaluate", "DATA is missing; see: tushuo evaluate --help"),
        ("score --references a", "--hypotheses is missing; see: tushuo score --help"),
        ("train x --epochs", "--epochs requires a value; see: tushuo train --help"),
        ("info a b", "'a b' is one argument too many; see: tushuo info --help"),
        ("caption a.jpg --search deam", 'invalid value "deam" for --search. Choose from: "greedy"'),
        *(
            (f"{command}=2.5", "expected a whole number, got '2.5'; see: tushuo")
            for command in (
                "caption a.jpg --beam-size",
                "train x --output y --epochs",
                "train x --output y --max-images",
                "compare a b --references r --seed",
                "data scenes x --count",
                "report r --output y --side",
                "extract x --output y --frozen-blocks",
                "deletion-test x --run r --store s --output y --pictures",
            )
        ),
        ("caption ", "no picture was given"),
    ],
)
def test_mistakes_are_one_sentence(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments.split())
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.startswith("tushuo: ")
    assert printed.count("\n") == 1


def test_an_empty_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("caption", "explain"):
        with pytest.raises(SystemExit):
            main([command, ""])
        assert "an empty name was given as a picture" in capsys.readouterr().err


def test_a_terminal_without_chinese_gets_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    with pytest.raises(SystemExit):
        main(["--help"])
    sys.stdout.flush()
    assert "\\u770b\\u56fe" in buffer.getvalue().decode("ascii")
