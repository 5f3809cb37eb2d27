"""Captions that are kept back, and what must come before."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import tushuo
import tushuo.data
import tushuo.models
from tests.cli.conftest import call
from tests.evaluation.test_calibrate import calibration
from tests.trust.test_familiarity import familiarity
from tushuo import encoders
from tushuo.features.extract import extract
from tushuo.trust.confidence import read_calibrations, save_calibration
from tushuo.trust.familiarity import read_familiarity, save_familiarity


@pytest.fixture
def own(run: Path, tmp_path: Path) -> Path:
    """A copy of the run, which no other test has calibrated."""
    shutil.copytree(run, tmp_path / "run")
    return tmp_path / "run"


def test_captions_below_the_minimum_confidence_are_withheld_with_the_reason(
    own: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, least = scenes / "images" / "00000.jpg", ("--min-confidence", 0.5)
    assert call("caption", picture, "--run", own, *least) == 2
    assert "is not calibrated, so captions have no confidence" in capsys.readouterr().err
    signature = tushuo.load(own).signature()
    save_calibration(own, calibration(signature, bias=-40.0))
    assert call("caption", picture, "--run", own, *least) == 0
    printed = capsys.readouterr().out
    assert "\tnot sure: confidence 0.00 is below 0.50; least certain word: " in printed
    assert call("caption", picture, "--run", own, *least, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert sorted(printed) == ["caption", "confidence", "image", "unsure"]
    assert printed["caption"] is None
    save_calibration(own, calibration(signature, bias=40.0))
    assert call("caption", picture, "--run", own, *least, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (bool(printed["caption"]), printed["confidence"]) == (True, 1.0)
    assert call("caption", picture, "--run", own, *least, "--search", "greedy") == 2
    assert "differ in search" in capsys.readouterr().err
    assert call("caption", picture, "--run", own, "--min-confidence", 2) == 2
    assert "must be from 0 to 1" in capsys.readouterr().err


def test_calibrate_keeps_what_it_found_in_the_run(
    own: Path, scenes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("calibrate", scenes, "--run", own)
    known = familiarity("encoder")
    assert call(*arguments) == 2
    assert "4 pictures have two captions or more, at least 40" in capsys.readouterr().err

    def found(captioner: Any, *_: object, **how: Any) -> Any:
        assert how["tokenizer"] == "ptb"
        return calibration(captioner.signature(how["config"])), known

    monkeypatch.setattr("tushuo.evaluation.calibrate.calibrate", found)
    assert call(*arguments, "--search", "greedy") == 0
    assert "AUROC" in capsys.readouterr().out
    assert len(read_calibrations(own)) == 1
    kept = read_familiarity(own)
    assert kept is not None
    assert kept.signature == "encoder"
    assert (own / "calibration.png").stat().st_size > 10_000
    assert call(*arguments, "--json") == 0
    assert json.loads(capsys.readouterr().out)["held_out"]["pictures"] == 60
    assert len(read_calibrations(own)) == 2

    records = [record for record in tushuo.data.read(scenes) if record.split == "val"]
    extract(records[:3], encoders.load("efficientnet_lite2"), own / "part")
    assert call(*arguments, "--store", own / "part", "--json") == 0
    note = f"note: the store has 3 of the {len(records)} pictures of the val split, and only these"
    assert capsys.readouterr().err.count(note) == 1


def test_the_model_that_comes_with_tushuo_is_calibrated_where_it_can_be_written(
    own: Path, scenes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own.parent)
    own.rename("en")
    monkeypatch.setattr(tushuo.models, "FOLDER", own.parent)
    monkeypatch.setattr(
        "tushuo.evaluation.calibrate.calibrate",
        lambda captioner, *_, **how: (
            calibration(captioner.signature(how["config"])),
            familiarity(captioner.info.encoder),
        ),
    )
    assert call("calibrate", scenes) == 0
    assert len(read_calibrations(Path("en"))) == 1
    assert Path("calibration.png").exists()
    assert call("calibrate", scenes, "--data-language", "zh") == 2
    monkeypatch.setattr("os.access", lambda *_: False)
    capsys.readouterr()
    assert call("calibrate", scenes) == 2
    assert "is read-only, but a calibration is saved in the run" in capsys.readouterr().err


def test_the_caption_of_an_unfamiliar_picture_is_flagged_and_withheld(
    own: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    captioner, picture = tushuo.load(own), scenes / "images" / "00000.jpg"
    save_calibration(own, calibration(captioner.signature(), bias=40.0))
    for strangest, shown in ((0.0, True), (9.0, False)):
        width = len(captioner.caption(picture).features)
        signature = captioner.info.encoder
        save_familiarity(own, familiarity(signature, width=width, strangest=strangest))
        assert call("caption", picture, "--run", own) == 0
        captured = capsys.readouterr()
        assert "not sure" not in captured.out
        reason = (
            "the picture is unlike those used for calibration (only 0.5% of them are at least as "
            "unusual)"
        )
        warning = f"tushuo: warning: {picture}: {reason}; do not trust its caption\n"
        assert captured.err == (warning if shown else "")
        assert call("caption", picture, "--run", own, "--json") == 0
        captured = capsys.readouterr()
        assert (json.loads(captured.out)["familiarity"] < 0.01) == shown
        assert captured.err == ""
        assert call("caption", picture, "--run", own, "--min-confidence", 0.5) == 0
        captured = capsys.readouterr()
        assert (
            "\tnot sure: the picture is unlike those used for calibration" in captured.out
        ) == shown
        assert captured.err == ""
        page = own / "page.html"
        assert call("explain", picture, "--run", own, "--output", page) == 0
        assert ("unlike those used" in capsys.readouterr().out) == shown
        assert ("unlike those used" in page.read_text()) == shown
