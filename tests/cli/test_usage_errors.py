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
        (
            "evaluate",
            "DATA is missing, as in: tushuo evaluate flickr8k --run run --store store; see: tushuo",
        ),
        ("train", "DATA is missing, as in: tushuo train flickr8k --store store --output run; see"),
        ("train x", "--output is missing, as in: tushuo train flickr8k --store store --output run"),
        ("data download coco2014", "FOLDER is missing, as in: tushuo data download coco2014 coco"),
        ("score --references a", "--hypotheses is missing, as in: tushuo score --references"),
        ("train x --epochs", "--epochs requires a value; see: tushuo train --help"),
        ("info a b", "'a', 'b' are 2 arguments too many, since info takes options only; see: tush"),
        (
            "explain a.jpg b.jpg",
            "'b.jpg' is one argument too many, since explain takes PICTURE only; to caption "
            "several pictures: tushuo caption; see: tushuo explain --help",
        ),
        (
            "blend a b c --output x --share 1",
            "'c' is one argument too many, since blend takes FIRST and SECOND only",
        ),
        ("caption a.jpg --search deam", "--search was 'deam', but must be one of greedy, sample, "),
        ("data download coco x", "DATASET was 'coco', but must be one of coco2014, coco2017; see:"),
        ("caption a.jpg --min-confidence x", "--min-confidence was 'x', but must be a number; see"),
        ("caption a.jpg --json=maybe", "--json was given 'maybe', but takes no value; see: tushuo"),
        (
            "train x --output y --decoder-settings units",
            "--decoder-settings was 'units', but must name a setting, as in --decoder-settings.N",
        ),
        *(
            (f"{command}=2.5", " was '2.5', but must be a whole number; see: tushuo")
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
