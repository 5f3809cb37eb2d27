"""Why a caption: in the terminal, as JSON, as a page and from Python."""

import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import tushuo
from tests.cli.conftest import call
from tests.pictures.test_opening import GOOD
from tushuo.report.explain_page import SEARCH_TEXTS
from tushuo.search import SEARCHES


def test_explain_prints_bars_and_writes_a_page_and_an_animation(
    run: Path,
    scenes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    picture = scenes / "images" / "00000.jpg"
    assert call("explain", picture, "--run", run, "--search", "beam", "--gif", "a.gif") == 0
    printed = capsys.readouterr()
    assert "━" in printed.out
    assert "<end>" in printed.out
    assert "page: 00000-explained.html" in printed.err
    page = (tmp_path / "00000-explained.html").read_text()
    for name in ("beam", "greedy", "sample"):
        assert f'"name":"{name}"' in page
    assert Image.open("a.gif").n_frames > 1


def test_explain_in_json_equals_the_python_call(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, page = scenes / "images" / "00001.jpg", ("--output", tmp_path / "e.html")
    options = ("--search", "diverse", "--n-best", 2, "--json")
    assert call("explain", picture, "--run", run, *page, *options) == 0
    printed = json.loads(capsys.readouterr().out)
    config = replace(tushuo.load(run).info.search, search="diverse", n_best=2)
    captioner = tushuo.load(run)
    twin = captioner.explain(picture, config=config, top_words=5)
    assert printed["caption"] == twin.caption.text
    assert len(printed["steps"]) == len(twin.steps) == len(twin.caption.log_probs)
    assert len(twin.alternatives) == 1
    for found in (twin, *twin.alternatives):
        ends = [*found.caption.words, "<end>"]
        for word, log_prob, likely in zip(ends, found.caption.log_probs, found.steps, strict=True):
            chances = [one.probability for one in likely]
            assert len(chances) == 5
            assert chances == sorted(chances, reverse=True)
            own = [one.probability for one in likely if one.word == word]
            assert all(chance == pytest.approx(math.exp(log_prob), abs=1e-4) for chance in own)
            assert own or math.exp(log_prob) <= chances[-1] + 1e-6

    assert call("explain", tmp_path / "no.jpg", "--run", run) == 2
    assert "no.jpg does not exist" in capsys.readouterr().err
    assert (
        call("explain", picture, "--run", run, "--search", "beam", "--required-words", "gooose")
        == 2
    )
    assert "'gooose' is not in the run's vocabulary" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no such name can be made")
def test_a_file_name_that_is_no_utf_8_is_explained_too(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, page = (os.fsdecode(of) for of in (b"a\xff.jpg", b"a\xff-explained.html"))
    Path(name).write_bytes(GOOD["jpeg"][0])
    assert call("explain", name, "--run", run, "--json") == 0
    assert json.loads(capsys.readouterr().out)["image"] == r"a\udcff.jpg"
    assert r"<h1>a\udcff</h1>" in Path(page).read_text()
    assert call("explain", "--jsom", "--run", run) == 2
    assert "unknown option --jsom; see: tushuo explain --help" in capsys.readouterr().err


def test_the_page_has_a_description_of_every_search() -> None:
    assert all(texts.keys() == SEARCHES.keys() for texts in SEARCH_TEXTS.values())
