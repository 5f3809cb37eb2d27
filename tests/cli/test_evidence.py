"""Concepts and the evidence for words, on the command line, by the model of the package."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import call
from tushuo.models import shipped

CAT = Path(__file__).parents[2] / "examples" / "chelsea.jpg"


def test_json_has_concepts_and_the_evidence_of_each_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call("caption", CAT, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["concepts"][0]["word"] == "cat"
    evidence = printed["evidence"]
    assert [one["word"] for one in evidence] == printed["caption"].split()
    (cat,) = [one for one in evidence if one["word"] == "cat"]
    assert (cat["kind"], cat["concept"]) == ("seen", "cat")
    assert cat["probability"] == printed["concepts"][0]["probability"]
    assert cat["log_ratio"] > 0
    assert len(cat["box"]) == 4
    assert evidence[0] == {"word": "a", "kind": "function"}


def test_a_withheld_caption_leaves_the_concepts(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("caption", CAT, "--min-confidence", 1) == 0
    line = capsys.readouterr().out.strip()
    assert "\tnot sure: " in line
    assert line.endswith("; perhaps: cat")
    assert call("caption", CAT, "--min-confidence", 1, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["caption"] is None
    assert printed["perhaps"] == ["cat"]


def test_explain_shows_what_supports_each_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "cat.html"
    assert call("explain", CAT, "--output", page) == 0
    printed = capsys.readouterr().out
    assert "concepts: cat 0." in printed
    assert "seen 0." in printed
    content = page.read_text()
    assert '"kind":"seen"' in content
    assert [content.count(f'"name":"{name}"') for name in ("beam", "greedy", "consensus")] == [
        1,
        1,
        0,
    ]  # the general captioner's own search, not that of the other one
    assert call("explain", CAT, "--output", page, "--json") == 0
    explained = json.loads(capsys.readouterr().out)
    assert explained["concepts"][0]["word"] == "cat"
    assert {one["kind"] for one in explained["evidence"]} >= {"seen", "function"}


def test_a_model_of_two_captioners_is_packed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    general, output = shipped("en") / "general", tmp_path / "model"
    options = ("--general", general, "--precision", "int8", "--pictures", CAT)
    assert call("pack", shipped("en"), "--output", output, *options) == 0
    for name in ("concepts.json", "familiarity.safetensors", "calibration.json"):
        assert (output / "general" / name).exists()
    assert call("caption", CAT, "--run", output) == 0  # without a route, the first one alone
    assert "cat" not in capsys.readouterr().out.splitlines()[-1].split("\t")[1].split()


def test_evidence_requires_concepts(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--run", run, "--search", "beam", "--evidence-weight", 0.1)
    assert call("caption", CAT, *options) == 2
    message = "evidence-weight was 0.1, but this run finds no concepts"
    assert message in capsys.readouterr().err


def test_a_general_captioner_that_is_not_packed_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("pack", shipped("en"), "--output", tmp_path / "model", "--pictures", CAT) == 0
    assert "general is not packed; name it with --general" in capsys.readouterr().err
    assert not (tmp_path / "model" / "general").exists()
