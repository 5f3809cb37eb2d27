"""Folders on the command line: what is passed over and what is cut short is one line each."""

import os
import warnings
from pathlib import Path

import pytest

from tests.cli.conftest import call
from tests.conftest import MeanEncoder
from tushuo.cli.sources import expand, stem_of
from tushuo.data.record import Record
from tushuo.features.extract import extract


@pytest.fixture
def folder(scenes: Path, tmp_path: Path) -> Path:
    whole = (scenes / "images" / "00000.jpg").read_bytes()
    (tmp_path / "whole").write_bytes(whole)
    (tmp_path / "cut\n.jpg").write_bytes(whole[:-9])
    (tmp_path / "._whole.jpg").write_bytes(b"\0\5\x16\7")
    (tmp_path / ".hidden.jpg").write_bytes(whole)
    (tmp_path / "film.mov").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("a note")
    return tmp_path


def test_warnings_are_one_line_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("caption", folder) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    lines = [line for line in printed.err.splitlines() if line.startswith("tushuo: warning: ")]
    assert len(lines) == 2
    assert f"{folder}: 2 passed over as hidden or no pictures: 1 .mov, 1 hidden" in lines[0]
    assert f"{folder}/cut\\n.jpg is cut short: " in lines[1]


def test_addresses_and_standard_input_stay_as_they_are(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = expand(["-", "https://host/a.jpg", str(folder)])
    assert names == ["-", "https://host/a.jpg", f"{folder}/cut\n.jpg", f"{folder}/whole"]
    assert [stem_of(name) for name in names] == ["picture", "picture", "cut\n", "whole"]


def test_extract_refuses_pipes_and_names_what_is_cut(folder: Path) -> None:
    pipe = os.fsdecode(b"pipe\xe9.jpg")  # not UTF-8
    os.mkfifo(folder / pipe)
    records = [
        Record(image_id=str(number), path=folder / name, captions=("a",))
        for number, name in enumerate(("whole", "cut\n.jpg", pipe))
    ]
    with pytest.warns(UserWarning, match=r"cut\n\.jpg is cut short"):
        done = extract(records, MeanEncoder(), folder / "store")
    (message,) = done.failed.values()
    assert "pipe\\xe9.jpg is a pipe, a socket or a device" in message
