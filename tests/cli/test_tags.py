"""``tushuo fit-tags`` and ``tushuo tags`` on drawn scenes."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import call


@pytest.fixture(scope="module")
def model(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    text = folder / "text.txt"
    text.write_text("a red ball on the grass\n" * 30 + "a blue car on the beach\n" * 70)
    store = ("--encoder", "efficientnet_lite0@96", "--output", folder / "store")
    assert call("extract", scenes, *store) == 0
    options = ("--store", folder / "store", "--text", text, "--output", folder / "concepts")
    assert call("fit-tags", scenes, *options) == 0
    return folder / "concepts"


def test_pictures_are_tagged(
    model: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = next((scenes / "images").glob("*.jpg"))
    least = ("--model", model, "--min-probability", 0)
    assert call("tags", picture, *least, "--most", 4) == 0
    name, words = capsys.readouterr().out.strip().split("\t")
    assert name == str(picture)
    assert len(words.split(", ")) == 4
    (tmp_path / "bad.jpg").write_bytes(b"no")
    assert call("tags", picture, tmp_path / "bad.jpg", *least, "--json") == 1
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert good["concepts"][0].keys() == {"word", "probability", "box"}
    assert "is not a picture" in bad["error"]
    assert call("tags", picture, "--model", model, "--min-probability", 1) == 0
    assert "nothing above --min-probability" in capsys.readouterr().out


def test_words_by_a_model_of_pictures_and_texts(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.encoders.two_towers import save_model

    name = f"hf:{save_model(tmp_path / 'model', 'siglip2')}"
    words = tmp_path / "words.txt"
    words.write_text("dog\nboats\nred\n")
    picture = next((scenes / "images").glob("*.jpg"))
    options = ("--model", name, "--words", words, "--min-probability", 0)
    assert call("tags", picture, *options, "--most", 2) == 0
    assert len(capsys.readouterr().out.strip().split("\t")[1].split(", ")) == 2
    (tmp_path / "bad.jpg").write_bytes(b"no")
    assert call("tags", picture, tmp_path / "bad.jpg", *options, "--json") == 1
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert {concept["word"] for concept in good["concepts"]} == {"dog", "boats", "red"}
    assert all(concept["box"] is None for concept in good["concepts"])
    assert "is not a picture" in bad["error"]
    assert call("tags", picture, "--words", words) == 2
    assert "a concept model has its own" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no picture was given"),
        (("--jsn",), "unknown option --jsn; see: tushuo tags --help"),
        (("a.jpg", "--min-probability", 2), "must be from 0 to 1"),
        (("a.jpg", "--model", "gone"), "gone holds no concept model"),
    ],
)
def test_mistakes_are_named(
    arguments: tuple[object, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("tags", *arguments) == 2
    assert message in capsys.readouterr().err
