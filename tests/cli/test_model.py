"""Commands with a captioning model of Hugging Face in place of a run."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import call

pytest.importorskip("transformers", reason="requires pip install 'tushuo[huggingface]'")

from tests.captioning import tiny_models

EXAMPLE = Path(__file__).parents[2] / "examples" / "coffee.jpg"
SHORT = ("--max-words", "5")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("models")
    return {
        family: f"hf:{tiny_models.build(family, root / family)}" for family in ("blip", "smolvlm")
    }


def test_caption(folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("caption", EXAMPLE, "--model", folders["blip"], *SHORT) == 0
    printed = capsys.readouterr()
    assert f"tushuo: {folders['blip']}: its weights take " in printed.err
    name, caption = printed.out.rstrip("\n").split("\t")
    assert name == str(EXAMPLE)
    assert 1 <= len(caption.split()) <= 5
    assert call("caption", EXAMPLE, "--model", folders["smolvlm"], "--json", "--search", "beam",
                "--n-best", "2", "--language", "zh", *SHORT) == 0  # fmt: skip
    found = json.loads(capsys.readouterr().out)
    assert found["caption"]
    assert len(found["alternatives"]) == 1
    assert found["log_prob"] < 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "blip"), "must begin with hf:"),
        (("--model", "hf:x", "--run", "y"), "--run and --model name two captioners"),
        (("--model", "hf:x", "--weights", "y"), "--weights is an option of --run"),
        (("--prompt", "hello"), "--prompt and --precision are options of --model"),
    ],
)
def test_options_that_exclude_each_other(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("caption", EXAMPLE, *options) == 2
    assert message in capsys.readouterr().err


def test_evaluate_compare_and_report(
    folders: dict[str, str], scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for family, name in folders.items():
        assert call("evaluate", scenes, "--model", name, "--output", tmp_path / family, *SHORT) == 0
        printed = capsys.readouterr().out
        assert "seconds a picture" in printed
        assert f"|model:{name.replace(':', '=')}|revision:" in printed
    cost = json.loads((tmp_path / "blip" / "scores.json").read_bytes())["cost"]
    assert cost["parameters"] > 10_000
    assert cost["seconds"] > 0
    assert call("compare", tmp_path / "blip", tmp_path / "smolvlm") == 0
    page = tmp_path / "report.html"
    results = (tmp_path / "blip", tmp_path / "smolvlm")
    assert call("report", *results, "--output", page) == 0
    content = page.read_text()
    assert "seconds a picture" in content
    assert folders["blip"] in content
    assert call("evaluate", scenes, "--model", folders["blip"], "--store", tmp_path) == 2
    assert "--store is an option of --run" in capsys.readouterr().err


def test_explain_with_and_without_attention(
    folders: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for family, name in folders.items():
        page = tmp_path / f"{family}.html"
        arguments = ("explain", EXAMPLE, "--model", name, "--output", page, *SHORT)
        assert call(*arguments) == 0
        assert "log-probability" in capsys.readouterr().out
        assert page.stat().st_size > 10_000
        gif = call(*arguments, "--gif", tmp_path / f"{family}.gif")
        assert gif == (0 if family == "blip" else 2)


def test_calibrate_and_not_sure(
    folders: dict[str, str],
    scenes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """References of every second picture are the model's own captions, so that these fit."""
    monkeypatch.setenv("TUSHUO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tushuo.evaluation.calibrate.MIN_PICTURES", 8)
    name = folders["smolvlm"]
    pictures = sorted((scenes / "images").iterdir())[:32]
    assert call("caption", *pictures, "--model", name, "--json", *SHORT) == 0
    rows = ["image\tcaption"]
    for number, line in enumerate(capsys.readouterr().out.splitlines()):
        own = json.loads(line)["caption"]
        texts = [own, own] if number % 2 else [f"sea {number}", f"sky {number}"]
        rows += [f"{pictures[number]}\t{text}" for text in texts]
    (tmp_path / "captions.tsv").write_text("\n".join(rows))
    asked = ("caption", EXAMPLE, "--model", name, "--min-confidence", "1", *SHORT)
    assert call(*asked) == 2
    assert f"run: tushuo calibrate DATA --model {name}" in capsys.readouterr().err
    figure = tmp_path / "calibration.png"
    assert call("calibrate", tmp_path / "captions.tsv", "--model", name, "--figure", figure,
                *SHORT) == 0  # fmt: skip
    assert figure.exists()
    capsys.readouterr()
    assert call(*asked) == 0
    assert "not sure: confidence 0." in capsys.readouterr().out
    assert call(*asked, "--search", "beam") == 2  # fitted for greedy captions
    assert "is not calibrated for this search" in capsys.readouterr().err
