"""tushuo teach: captions of a run as data for another, across interruptions."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import call
from tushuo import data
from tushuo.captioning.taught_file import left_out_path

ALL = ("--min-log-prob", -9)  # the teacher is small, and its captions are improbable
BEAM = ("--search", "beam", "--beam-size", 4, "--max-words", 12)


@pytest.fixture(scope="module")
def teacher(run: Path, scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose captions are sentences, which two epochs do not give."""
    folder = tmp_path_factory.mktemp("teacher") / "run"
    sizes = ("--decoder-settings.units", 64, "--decoder-settings.embedding", 32)
    rates = ("--learning-rate", 5e-3, "--label-smoothing", 0, "--epochs", 12, "--batch-size", 20)
    store = ("--store", run.parent / "store")
    assert call("train", scenes, *store, "--output", folder, *sizes, *rates) == 0
    return folder


@pytest.fixture
def photos(scenes: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in sorted((scenes / "images").iterdir())[:12]:
        shutil.copy(path, folder)
    return folder


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rows_are_data_that_check_and_train_read(
    teacher: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, extra = tmp_path / "captions.jsonl", tmp_path / "extra"
    extra.mkdir()
    (extra / "bad.jpg").write_text("<html>")
    command = ("teach", photos, extra, "--output", output, "--run", teacher, *ALL, *BEAM)
    assert call(*command, "--license", "cc0-1.0") == 1
    printed = capsys.readouterr()
    assert "captions of 12 photographs" in printed.out
    assert "1 photographs left out: 1 cannot be opened" in printed.out
    assert "bad.jpg" in printed.err
    rows = lines(output)
    assert [row["image"] for row in rows] == [
        f"photos/{path.name}" for path in sorted(photos.iterdir())
    ]
    for row in rows:
        assert (row["teacher"], row["license"]) == (str(teacher), "cc0-1.0")
        assert "|search:beam,beam_size=4" in str(row["signature"])
        assert len(row["captions"]) == len(row["mean_log_probs"]) >= 1  # type: ignore[arg-type]
    (bad,) = lines(left_out_path(output))
    assert (bad["image"], bad["reason"]) == ("extra/bad.jpg", "cannot be opened")

    records = data.read(output)
    assert [list(record.captions) for record in records] == [row["captions"] for row in rows]
    assert all(record.path.exists() for record in records)
    assert call("data", "check", output) == 0
    options = ("--epochs", 1, "--batch-size", 10, "--min-count", 1)
    assert call("train", output, "--output", tmp_path / "small", *options) == 0
    assert call("caption", photos / "00000.jpg", "--run", tmp_path / "small") == 0


def test_the_same_command_repeats_nothing(
    teacher: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "captions.jsonl"
    command = ("teach", photos, "--output", output, "--run", teacher, *ALL, *BEAM)
    (photos / "99999.jpg").write_text("<html>")
    assert call(*command) == 1
    before = (output.read_bytes(), left_out_path(output).read_bytes())
    assert lines(output)[0]["license"] == "unknown"
    capsys.readouterr()
    assert call(*command) == 0
    assert (output.read_bytes(), left_out_path(output).read_bytes()) == before
    assert "1 photographs left out" in capsys.readouterr().out
    assert call(*command, "--captions", 1) == 2
    assert "differ in captions: 3 against 1" in capsys.readouterr().err
    assert call(*command, "--no-repeat-ngram", 3) == 2
    assert "use the same teacher, search and filters" in capsys.readouterr().err
    assert (output.read_bytes(), left_out_path(output).read_bytes()) == before


def test_a_killed_command_is_resumed(teacher: Path, photos: Path, tmp_path: Path) -> None:
    for number in range(24):
        shutil.copy(photos / "00000.jpg", photos / f"copy_{number:02}.jpg")
    whole, output = tmp_path / "whole.jsonl", tmp_path / "captions.jsonl"
    command = ("teach", photos, "--run", teacher, *ALL, *BEAM, "--output")
    process = subprocess.Popen(
        [sys.executable, "-m", "tushuo", *map(str, (*command, output))],
        cwd=Path(__file__).parents[2],
    )
    while not output.exists() or not output.stat().st_size:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    killed = output.read_bytes()
    assert killed.count(b"\n") < 36
    output.write_bytes(killed[:-7])  # as if it had been killed within a line
    assert call(*command, output) == 0
    kept = killed[: killed[:-7].rfind(b"\n") + 1]
    assert output.read_bytes().startswith(kept)
    assert call(*command, whole) == 0
    assert [(row["image"], row["captions"]) for row in lines(output)] == [
        (row["image"], row["captions"]) for row in lines(whole)
    ]


def test_the_licence_is_that_of_the_model_card(teacher: Path, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(teacher, tmp_path / "run")
    (tmp_path / "run" / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    output = tmp_path / "captions.jsonl"
    one = ("teach", photos / "00000.jpg", "--output", output, "--run", tmp_path / "run", *ALL)
    assert call(*one) == 0
    (row,) = lines(output)
    assert row["license"] == "cc-by-4.0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--output", "c.jsonl"), "no photograph was given; name files or folders"),
        (("http://a/b.jpg", "--output", "c.jsonl"), "training needs files; save the photograph"),
        (("-", "--output", "c.jsonl"), "- is no file, and training needs files"),
        (("a.jpg", "--output", "c.jsonl", "--captions", "0"), "captions was 0"),
        (("a.jpg", "--output", "c.jsonl", "--min-confidence", "2"), "min-confidence was 2"),
    ],
)
def test_errors(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("teach", *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_bound_on_confidence_requires_a_calibration(
    teacher: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "captions.jsonl"
    command = ("teach", photos, "--output", output, "--run", teacher)
    assert call(*command, "--min-confidence", 0.5) == 2
    assert "is not calibrated" in capsys.readouterr().err
    assert not output.exists()


def test_a_photograph_that_does_not_exist_is_not_done(
    teacher: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, later = tmp_path / "new" / "captions.jsonl", tmp_path / "later.jpg"
    command = ("teach", later, tmp_path / "new", "--output", output, "--run", teacher, *ALL)
    assert call(*command) == 2
    assert "later.jpg" in capsys.readouterr().err
    assert not left_out_path(output).exists()
    shutil.copy(photos / "00000.jpg", later)
    assert call(*command) == 1
    assert [row["image"] for row in lines(output)] == ["../later.jpg"]
