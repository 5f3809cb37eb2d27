"""Output as shells use it: other encodings, full disks, closed pipes, terminals."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import call

EXAMPLES = Path(__file__).parents[2] / "examples"
PICTURE = EXAMPLES / "coffee.jpg"
FAST = ("--search", "greedy")
TUSHUO = (sys.executable, "-m", "tushuo")
linux = pytest.mark.skipif(sys.platform != "linux", reason="requires Linux's devices")


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [*TUSHUO, *map(str, arguments)]
    captured = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.run(command, **{**captured, **options})  # type: ignore[call-overload]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of two pictures and one that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("coffee", "astronaut"):
        shutil.copy(EXAMPLES / f"{name}.jpg", folder)
    (folder / "bad.jpg").write_text("<html>")
    return folder


def test_results_and_errors_are_on_their_own_streams(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each caption; a failed picture has none, and the exit code tells."""
    for command, done in (("caption", "captioned"), ("tags", "tagged")):
        options = FAST if command == "caption" else ()
        assert call(command, pictures, "gone.jpg", *options) == 1
        printed = capsys.readouterr()
        names = [line.split("\t")[0] for line in printed.out.splitlines()]
        assert names == [str(pictures / "astronaut.jpg"), str(pictures / "coffee.jpg")]
        bad, gone, *_, total = printed.err.splitlines()
        assert bad.startswith(f"tushuo: {pictures / 'bad.jpg'} is not a picture but a web page")
        assert gone == "tushuo: gone.jpg does not exist; name an existing picture file"
        assert total == f"tushuo: 2 of 4 pictures could not be {done}"

        assert call(command, pictures, *options, "--json") == 1
        printed = capsys.readouterr()
        lines = [json.loads(line) for line in printed.out.splitlines()]
        assert ["error" in line for line in lines] == [False, True, False]
        assert printed.err.splitlines()[-1] == f"tushuo: 1 of 3 pictures could not be {done}"

        assert call(command, pictures / "bad.jpg", *options) == 2
        printed = capsys.readouterr()
        assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert call("caption", pictures, *FAST, "--output", tmp_path / "c.txt") == 1
    assert (tmp_path / "c.txt").read_text().count("\n") == 2
    assert "bad.jpg is not a picture" in capsys.readouterr().err


def test_an_error_names_its_picture_where_the_message_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"no picture")))
    assert call("caption", "-", *FAST) == 2
    assert capsys.readouterr().err == (
        "tushuo: -: the picture is not a picture, it begins with b'no pictu'; expected one of "
        "JPEG, PNG, GIF, WEBP, AVIF, BMP, TIFF\n"
    )


def test_unusual_pictures_are_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        shutil.copy(EXAMPLES / "rocket.jpg", tmp_path / f"{number}.jpg")
    assert call("caption", PICTURE, tmp_path, *FAST) == 0
    (line,) = capsys.readouterr().err.splitlines()
    names = ", ".join(str(tmp_path / f"{number}.jpg") for number in range(3))
    assert line == (
        "tushuo: warning: 5 of 6 pictures are unlike those used for calibration "
        f"({names} and 2 others); do not trust their captions (--json prints the familiarity of "
        "each)"
    )
    assert call("caption", tmp_path / "0.jpg", *FAST) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tushuo: warning: {tmp_path / '0.jpg'}: the picture is unlike those")


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("caption", PICTURE, *FAST)],
    ids=lambda arguments: arguments[0],
)
def test_a_full_disk_behind_standard_output(arguments: tuple[object, ...]) -> None:
    with open("/dev/full", "w") as full:
        process = run(*arguments, stdout=full)
    assert (process.returncode, process.stderr.count("\n")) == (2, 1)
    assert process.stderr.startswith(
        "tushuo: writing standard output failed: No space left on device; "
    )
    assert "folder" not in process.stderr


@linux
def test_a_full_disk_behind_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("caption", PICTURE, *FAST, "--output", "/dev/full") == 2
    assert capsys.readouterr().err == (
        "tushuo: /dev/full: No space left on device; free disk space, or choose another folder, "
        "and repeat the same command\n"
    )


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("caption", EXAMPLES, *FAST)],
    ids=lambda arguments: arguments[0],
)
def test_a_closed_pipe_ends_quietly(arguments: tuple[object, ...]) -> None:
    process = subprocess.Popen(
        [*TUSHUO, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 0)


def test_a_broken_pipe_of_another_file_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("tushuo.captioning.load.load", fail)
    assert call("caption", PICTURE) == 2
    assert "tushuo: Broken pipe" in capsys.readouterr().err


CHINESE = ("--language", "zh")
PAGE = ("--output", "page.html")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("caption", PICTURE, *FAST, *CHINESE), 0),
        (("caption", PICTURE, *FAST, *CHINESE, "--json"), 0),
        (("tags", PICTURE, *CHINESE), 0),
        (("tags", "猫.jpg", "--json"), 0),
        (("explain", PICTURE, *CHINESE, *PAGE), 0),
        (("explain", "猫.jpg", *CHINESE, "--json", *PAGE), 0),
        (("caption", "狗.jpg"), 2),
        (("evaluate", "狗.csv", "--run", "狗"), 2),
        (("score", "--references", "狗.jpg", "--hypotheses", "狗.json"), 2),
        (("compare", "狗.json", "猫.json", "--references", "狗.json"), 2),
        (("report", "狗", "--output", "r.html"), 2),
        (("狗",), 2),
        (("--help",), 0),
    ],
    ids=lambda value: " ".join(map(str, value[:2])) if isinstance(value, tuple) else "",
)
def test_an_ascii_terminal_gets_escapes(
    arguments: tuple[object, ...], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions = [{"image_id": 1, "caption": "一只狗"}]
    (tmp_path / "狗.json").write_text(json.dumps(captions), encoding="utf-8")
    shutil.copy(PICTURE, tmp_path / "猫.jpg")
    monkeypatch.chdir(tmp_path)
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    assert call(*arguments) == code
    for stream in streams:
        stream.flush()
    printed = b"".join(stream.buffer.getvalue() for stream in streams).decode("ascii")
    assert "\\u" in printed


@pytest.mark.slow
def test_the_encoding_of_the_environment_ends_no_command(tmp_path: Path) -> None:
    (tmp_path / "狗.csv").write_text("image,caption\n猫.jpg,一只狗\n", encoding="utf-8")
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    process = run("data", "check", "狗.csv", "--data-language", "zh", cwd=tmp_path, env=environment)
    assert "Traceback" not in process.stderr
    assert "\\u732b.jpg" in process.stdout + process.stderr


@linux
@pytest.mark.slow
@pytest.mark.parametrize("to_file", [True, False])
def test_a_terminal_shows_progress_and_the_time_left(tmp_path: Path, to_file: bool) -> None:
    """On stderr; what is printed to a file is the same as without a terminal."""
    import pty

    for number in range(18):  # two batches
        shutil.copy(PICTURE, tmp_path / f"{number:02d}.jpg")
    terminal, side = pty.openpty()
    output = tmp_path / "captions.txt"
    with output.open("w") as file:
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
        process = subprocess.Popen(
            [*TUSHUO, "caption", str(tmp_path), *FAST],
            stdout=file if to_file else side,
            stderr=side,
            env=environment,
        )
        os.close(side)
        shown = bytearray()
        try:
            while part := os.read(terminal, 65536):
                shown += part
        except OSError:  # the other side is closed
            pass
        os.close(terminal)
    assert process.wait() == 0
    text = shown.decode()
    assert "caption" in text
    assert "16/18" in text
    assert "0:00:0" in text
    captions = output.read_text().splitlines() if to_file else text.split("\x1b[2K")
    assert sum("cup of coffee" in line for line in captions) == 18
    assert not to_file or (len(captions) == 18 and "\x1b" not in "".join(captions))


def test_without_a_terminal_there_is_no_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(18):
        shutil.copy(PICTURE, tmp_path / f"{number:02d}.jpg")
    assert call("caption", tmp_path, *FAST) == 0
    printed = capsys.readouterr()
    assert (printed.out.count("\n"), printed.err) == (18, "")


def test_very_many_failed_pictures_are_listed_in_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By extract and train; each line names its picture once."""
    for number in range(3):
        shutil.copy(PICTURE, tmp_path / f"{number}.jpg")
    broken = [f"broken{number}.jpg" for number in range(23)]
    for name in broken:
        (tmp_path / name).write_text("<html>")
    names = [*(f"{number}.jpg" for number in range(3)), *broken]
    rows = [f"{name},a cup of coffee" for name in names]
    (tmp_path / "c.csv").write_text("\n".join(["image,caption", *rows]))
    encoder = ("--encoder", "efficientnet_lite0@64")
    assert call("extract", tmp_path / "c.csv", *encoder, "--output", tmp_path / "store") == 1
    lines = capsys.readouterr().err.splitlines()
    named = [line for line in lines if "broken" in line]
    assert len(named) == 5
    assert all(line.startswith("tushuo: ") for line in named)
    assert all(line.count("broken") == 1 for line in named)
    assert (
        lines[-1]
        == "tushuo: 18 more pictures failed; to name them all: tushuo data check DATA --json"
    )
    options = ("--epochs", 1, "--output", tmp_path / "run")
    assert call("train", tmp_path / "c.csv", *encoder, *options) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert len(lines) == 6
    assert all(line.count("broken") == 1 for line in lines[:-1])
    assert lines[-1].endswith(
        "18 more pictures left out; to name them all: tushuo data check DATA --json"
    )
