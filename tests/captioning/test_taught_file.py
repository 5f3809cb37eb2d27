"""The file of a teacher's captions: appended to, cut after the last whole line, its own only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tushuo.captioning.taught_file import (
    LeftOut,
    TaughtRow,
    left_out_path,
    name_beside,
    open_taught,
)
from tushuo.errors import DataError, SignatureError


def row(number: int, signature: str = "run:a") -> TaughtRow:
    return TaughtRow(
        image=f"{number}.jpg", captions=("a dog",), dropped={"empty": 2}, teacher="t",
        license="mit", signature=signature,
    )  # fmt: skip


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "captions.jsonl"
    with open_taught(path, "run:a") as taught:
        taught.add(row(0))
        taught.add(LeftOut(image="1.jpg", reason="not confident", signature="run:a"))
        taught.add(row(2))
    return path


def test_what_is_there_is_counted(output: Path) -> None:
    with open_taught(output, "run:a") as taught:
        assert taught.done == {"0.jpg", "1.jpg", "2.jpg"}
        assert (taught.photographs, taught.captions) == (2, 2)
        assert taught.left_out == {"not confident": 1}
        assert taught.dropped == {"empty": 4}


@pytest.mark.parametrize("which", ["output", "left_out"])
@pytest.mark.parametrize("lost", [1, 9])
def test_an_incomplete_last_line_is_dropped(output: Path, which: str, lost: int) -> None:
    path = output if which == "output" else left_out_path(output)
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost])  # the line break alone, or more
    with open_taught(output, "run:a") as taught:
        assert len(taught.done) == 2
        if which == "output":
            taught.add(row(2))
            assert path.read_bytes() == whole


def test_an_incomplete_only_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    for content in ('{"ima', '{"image":"a.jpg","capt'):
        path.write_text(content)
        with open_taught(path, "run:a") as taught:
            assert taught.done == set()
        assert path.read_bytes() == b""


@pytest.mark.parametrize("which", ["output", "left_out"])
def test_another_teacher_s_file_is_refused_and_kept(output: Path, which: str) -> None:
    if which == "left_out":
        output.unlink()
    before = left_out_path(output).read_bytes()
    refused = pytest.raises(SignatureError, match="differ in run: a against b; use the same")
    with refused, open_taught(output, "run:b"):
        pass
    assert left_out_path(output).read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        '{"image": "a.jpg", "captions": ["a dog"]}\n',
        "image,caption\na.jpg,a dog\n",
        '{"images": [], "annotations": []}',  # one line without its end, as JSON often is
    ],
)
def test_other_files_are_refused_and_kept(content: str, tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    path.write_text(content)
    refused = pytest.raises(DataError, match="was not written by tushuo teach")
    with refused, open_taught(path, "run:a"):
        pass
    assert path.read_text() == content


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"), open_taught(tmp_path, "run:a"):
        pass


def test_a_second_writer_is_refused(output: Path) -> None:
    with (
        open_taught(output, "run:a"),
        pytest.raises(DataError, match="another process is writing"),
        open_taught(output, "run:a"),
    ):
        pass


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.captioning.test_taught_file import row
from tushuo.captioning.taught_file import open_taught
with open_taught(Path(sys.argv[1]), "run:a") as taught:
    for number in range(3):
        taught.add(row(number))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_no_photograph(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "captions.jsonl")]
    killed = subprocess.run(command, cwd=Path(__file__).parents[2], timeout=120)
    assert killed.returncode < 0
    with open_taught(tmp_path / "captions.jsonl", "run:a") as taught:
        assert taught.done == {"0.jpg", "1.jpg", "2.jpg"}


def test_names_are_relative_to_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "work", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    assert name_beside(Path("photos/a.jpg"), Path("captions.jsonl")) == "photos/a.jpg"
    assert name_beside(Path("photos/a.jpg"), Path("work/c.jsonl")) == "../photos/a.jpg"
    assert name_beside(Path("linked/a.jpg"), Path("captions.jsonl")) == "linked/a.jpg"
    assert name_beside(tmp_path / "photos/a.jpg", Path("photos/c.jsonl")) == "a.jpg"
    through = name_beside(Path("photos/a.jpg"), Path("linked/c.jsonl"))
    assert (tmp_path / "linked" / through).parent.samefile(tmp_path / "photos")
    assert name_beside(Path(os.fsdecode(b"\xe9.jpg")), Path("c.jsonl")) == r"\xe9.jpg"
