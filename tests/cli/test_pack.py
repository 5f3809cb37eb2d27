"""``tushuo pack``, and the models that come with the package: without --run."""

import json
import shutil
from pathlib import Path

import pytest

import tushuo
from tests.cli.conftest import call
from tushuo import models
from tushuo.errors import RunError


@pytest.fixture
def english(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with an English model alone."""
    monkeypatch.setattr(models, "FOLDER", tmp_path / "models")
    call("pack", run, "--output", tmp_path / "models" / "en", "--search", "beam", "--beam-size", 3)
    return tmp_path / "models" / "en"


def test_pack_reports_the_change_of_captions(
    capsys: pytest.CaptureFixture[str], english: Path, run: Path
) -> None:
    printed = capsys.readouterr().out
    assert f"{english}: " in printed
    assert "of 32 captions are unchanged" in printed
    assert tushuo.load(english).info.search.beam_size == 3
    assert call("pack", run, "--output", english) == 2
    assert "already holds a run or a model" in capsys.readouterr().err


def test_a_caption_without_a_run(
    english: Path,
    scenes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    picture = scenes / "images" / "00000.jpg"
    capsys.readouterr()
    assert call("caption", picture) == 0
    captured = capsys.readouterr().out
    assert captured == f"{picture}\t{tushuo.load(language='en').caption(picture).text}\n"
    assert call("caption", picture, "--language", "en", "--run", english) == 0
    assert capsys.readouterr().out == captured
    assert call("explain", picture, "--json") == 0
    assert json.loads(capsys.readouterr().out)["caption"] in captured
    assert call("evaluate", scenes, "--no-meteor", "--json") == 0
    assert json.loads(capsys.readouterr().out)["run"]["search"]["beam_size"] == 3


def test_a_language_without_a_model(
    english: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = scenes / "images" / "00000.jpg"
    assert call("caption", picture, "--language", "zh") == 2
    assert (
        "this installation has no Chinese model; name a run with --run" in capsys.readouterr().err
    )
    assert call("deletion-test", scenes, "--store", "no", "--data-language", "zh") == 2
    assert "this installation has no Chinese model" in capsys.readouterr().err
    assert call("caption", picture, "--run", english, "--language", "zh") == 2
    assert "captions in English, but Chinese was requested" in capsys.readouterr().err
    shutil.rmtree(english)
    with pytest.raises(RunError, match="this installation has no English model"):
        tushuo.load()
