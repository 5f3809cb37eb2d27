"""Nonsense where files are expected, and folders with damaged files: one sentence each."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import call
from tushuo.models import FOLDER

ROOT = Path(__file__).parents[1]
PICTURE = ROOT.parent / "examples" / "coffee.jpg"
CONTENTS = {
    "missing": None,
    "garbled": b"\x00\xff{garbage",
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "object": b"{}",
}


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a command that failed has printed, if that is one line in the usual form."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("tushuo: ")
    assert printed.err.count("\n") == 1
    assert len(printed.err) < 600
    assert "Errno" not in printed.err
    return printed.err


def damage(path: Path, kind: str) -> None:
    path.unlink()
    content = CONTENTS[kind]
    if content is not None:
        path.write_bytes(content)


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("name", ["run.json", "vocabulary.json", "best.safetensors"])
def test_a_damaged_run(
    name: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(ROOT / "old_files" / "show_attend_gru", folder)
    damage(folder / name, kind)
    for command in (("caption", PICTURE, "--run", folder), ("pack", folder, "--output", "p")):
        assert call(*command) == 2
        assert str(folder) in one_sentence(capsys)


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize(
    "name",
    [
        "calibration.json",
        "general/route.json",
        "general/concepts.json",
        "general/concepts.safetensors",
        "general/familiarity.safetensors",
    ],
)
def test_a_damaged_model(
    name: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(FOLDER / "en", folder)
    damage(folder / name, kind)
    code = call("caption", PICTURE, "--run", folder, "--search", "greedy")
    optional = "calibration" in name or "route" in name or "familiarity" in name
    if kind == "missing" and optional:  # such as that of a model that was never calibrated
        assert code in (0, 2)
        assert "Traceback" not in capsys.readouterr().err
        return
    assert code == 2
    assert str(folder) in one_sentence(capsys)


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize(
    "name", ["store.json", "pictures.jsonl", "shards/00000.json", "shards/00000.npy"]
)
def test_a_damaged_store(
    name: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "store"
    shutil.copytree(ROOT / "old_files" / "store", folder)
    damage(folder / name, kind)
    (tmp_path / "c.csv").write_text(f"image,caption\n{PICTURE},a cup of coffee\n")
    (tmp_path / "text.txt").write_text("a cup of coffee\n")
    options = ("--store", folder, "--text", tmp_path / "text.txt", "--output", tmp_path / "out")
    assert call("fit-tags", tmp_path / "c.csv", *options) == 2
    printed = capsys.readouterr().err.splitlines()
    assert str(folder) in printed[-1]
    assert printed[-1].startswith("tushuo: ")
    assert "pickle" not in printed[-1]
    assert "Errno" not in printed[-1]


@pytest.mark.parametrize("kind", ["missing", "folder", "text", "null"])
@pytest.mark.parametrize(
    "command",
    [
        ("caption", PICTURE, "--run", "@"),
        ("tags", PICTURE, "--model", "@"),
        ("explain", "@"),
        ("explain", PICTURE, "--run", "@"),
        ("blend", "@", "@", "--share", 0.5, "--output", "b"),
        ("pack", "@", "--output", "p"),
        ("extract", "@", "--output", "s"),
        ("train", "@", "--output", "r"),
        ("evaluate", "@"),
        ("calibrate", "@", "--run", "r"),
        ("deletion-test", "@", "--run", "r", "--store", "s"),
        ("fit-tags", "@", "--store", "s", "--text", "t", "--output", "o"),
        ("score", "--references", "@", "--hypotheses", "@"),
        ("compare", "@", "@", "--references", "@"),
        ("report", "@", "--output", "r.html"),
        ("data", "check", "@"),
        ("caption", "@", "--search", "greedy"),
        ("caption", PICTURE, "--weights", "@"),
    ],
    ids=lambda command: " ".join(map(str, command[:1])),
)
def test_nonsense_in_place_of_a_file(
    command: tuple[object, ...], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"{kind}.json"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("hello" if kind == "text" else "null")
    assert call(*(path if part == "@" else part for part in command)) == 2
    assert path.name in one_sentence(capsys)
