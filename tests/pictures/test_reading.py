"""Files are read whole or refused: what is no file, what never ends, what is still written."""

import io
import os
from pathlib import Path

import pytest

from tests.pictures.test_opening import GOOD
from tushuo.errors import PictureError
from tushuo.pictures import reading
from tushuo.pictures.opening import open_picture
from tushuo.pictures.reading import read_file, read_stream


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="does not exist; name an existing"):
        open_picture(tmp_path / "gone.jpg")
    (tmp_path / "own.jpg").symlink_to("own.jpg")
    with pytest.raises(PictureError, match=r"own\.jpg cannot be read: Too many.*; name another"):
        open_picture(tmp_path / "own.jpg")
    with pytest.raises(
        PictureError, match=r"is a folder; expected a single picture, such as .*own\.jpg"
    ):
        open_picture(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(PictureError, match=r"folder without pictures; expected files.*\.jpg,"):
        open_picture(tmp_path / "none")


def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", Path("/dev/zero")):
        with pytest.raises(PictureError, match="is a pipe, a socket or a device; name a file"):
            open_picture(path)


def test_a_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing.png"
    path.write_bytes(GOOD["png"][0])
    assert read_file(path) == GOOD["png"][0]
    sizes = os.fstat

    def grows_after(number: int) -> os.stat_result:
        before = sizes(number)
        with path.open("ab") as file:
            file.write(b"more")
        return before

    monkeypatch.setattr("tushuo.pictures.reading.os.fstat", grows_after)
    with pytest.raises(PictureError, match=r"growing\.png had \d+ bytes, and \d+ after.*; wait"):
        open_picture(path)


def test_no_more_than_the_limit_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "long").write_bytes(bytes(1000))
    monkeypatch.setattr(reading, "MAX_BYTES", 99)
    assert len(read_file(tmp_path / "long")) == 100
    assert len(read_stream(io.BytesIO(bytes(1000)))) == 100
