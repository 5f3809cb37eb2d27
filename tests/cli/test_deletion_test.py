"""The deletion test from the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import call


def test_it_prints_drops_and_draws_them(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("deletion-test", scenes, "--run", run, "--store", run.parent / "store")
    figure = ("--figure", tmp_path / "e.png")
    assert call(*arguments, *figure) == 0
    printed = capsys.readouterr().out
    assert "4 pictures" in printed
    for mask in ("own", "other", "moved", "random"):
        assert mask in printed
    assert (tmp_path / "e.png").stat().st_size > 10_000
    options = ("--json", "--pictures", 2, "--share", 0.1, "--share", 0.5, "--fill", "zero")
    assert call(*arguments, *figure, *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["pictures"], found["fill"]) == (2, "zero")
    assert {part["share"] for part in found["hidden"]} == {0.1, 0.5}
    assert call(*arguments, *figure, "--output", tmp_path) == 0
    page = ("--output", tmp_path / "r.html")
    assert call("report", tmp_path, *page) == 0
    assert json.loads((tmp_path / "deletion_test.json").read_bytes())["pictures"] == 4
    assert '"mask":"own"' in (tmp_path / "r.html").read_text()
    scores = {"scores": {}, "intervals": {}, "images": {}, "signature": "run:1|search:greedy"}
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    capsys.readouterr()
    assert call(*arguments, *figure, "--output", tmp_path) == 2
    assert "give the same --run and --search, or another folder" in capsys.readouterr().err
    assert call("report", tmp_path, *page) == 2
    assert "repeat it: tushuo deletion-test" in capsys.readouterr().err
    assert call(*arguments, *figure, "--output", tmp_path / "e.png") == 2
    assert "e.png, a file; name a folder" in capsys.readouterr().err
    assert call(*arguments, "--pictures", 0) == 2
    assert "pictures was 0, but must be at least 1" in capsys.readouterr().err
    assert call(*arguments, *figure, "--share", 2) == 2
    assert "share was [2.0], but each must be above 0 and below 1" in capsys.readouterr().err
