"""Data in another language than the tokenizer's is a warning of every command that needs one."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import call
from tushuo.data.scenes import make_scenes


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of ``scenes``, captioned in Chinese."""
    folder = tmp_path_factory.mktemp("chinese")
    make_scenes(folder, count=40, language="zh")
    return folder


def warnings(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the warnings on stderr about tokenizers."""
    return [line for line in capsys.readouterr().err.splitlines() if "the tokenizer" in line]


def test_data_check(scenes: Path, chinese: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for data, language, warned in (
        (chinese, "en", "are Chinese, but the tokenizer words is for English; pass"),
        (scenes, "zh", "are English, but the tokenizer jieba is for Chinese; pass"),
        (chinese, "zh", None),
        (scenes, "en", None),
    ):
        arguments = ("data", "check", data, "--data-language", language, "--no-decode")
        call(*arguments)
        lines = warnings(capsys)
        assert len(lines) == (warned is not None)
        if warned:
            assert warned in lines[0]
            assert "--data-language" in lines[0]
            call(*arguments, "--json")
            printed = json.loads(capsys.readouterr().out)["warnings"]
            assert [line for line in printed if warned in line]


def test_train(
    run: Path, scenes: Path, chinese: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ("--store", run.parent / "store", "--epochs", 1)
    capsys.readouterr()
    call("train", chinese, *store, "--output", tmp_path / "words")
    (line,) = warnings(capsys)
    assert "are Chinese, but the tokenizer words is for English; pass --data-language" in line
    assert call("train", scenes, *store, "--output", tmp_path / "english") == 0
    assert warnings(capsys) == []


def test_evaluate(
    run: Path, scenes: Path, chinese: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scores of English captions beside Chinese references."""
    capsys.readouterr()
    arguments = ("--run", run, "--store", run.parent / "store", "--no-meteor")
    assert call("evaluate", chinese, *arguments) == 0
    (line,) = warnings(capsys)
    assert "are Chinese, but the tokenizer ptb is for English; pass the language" in line
    assert call("evaluate", scenes, *arguments) == 0
    assert warnings(capsys) == []
    assert call("evaluate", scenes, *arguments, "--tokenizer", "characters") == 0
    assert "are English, but the tokenizer characters is for Chinese" in warnings(capsys)[0]
