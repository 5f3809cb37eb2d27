"""One process at a time writes into a folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tushuo
from tushuo.errors import RunError, StoreError
from tushuo.runtime import format_bytes, only_writer, path_of_readable, readable

HOLD = """
import sys, time
from pathlib import Path
from tushuo.errors import RunError
from tushuo.runtime import format_bytes, only_writer

with only_writer(Path(sys.argv[1]), RunError):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_gone_afterwards_even_after_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with pytest.raises(ZeroDivisionError), only_writer(folder, StoreError):
        _ = 1 / 0
    with only_writer(folder, StoreError), only_writer(folder, StoreError, process=1):
        assert len([*folder.iterdir()]) == 2
    assert [*folder.iterdir()] == []


def test_a_training_beside_another_is_refused(scenes: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, run], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    options = {"encoder": "efficientnet_lite0@64", "epochs": 1, "max_images": 40, "min_count": 1}
    with pytest.raises(RunError, match=r"another process is writing into .*run; wait until"):
        tushuo.train(scenes, output=run, **options)
    holder.kill()
    holder.wait()
    assert tushuo.train(scenes, output=run, **options).best is not None


def test_names_that_are_not_utf_8_survive_json(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9 \xff.jpg")
    text = readable(str(path))
    text.encode()
    assert text.endswith("caf\\xe9 \\xff.jpg")
    assert path_of_readable(text) == path
    (tmp_path / "caf\\xe9.jpg").touch()  # a file that is really called so
    assert path_of_readable(str(tmp_path / "caf\\xe9.jpg")) == tmp_path / "caf\\xe9.jpg"
    assert path_of_readable("ä/é.jpg") == Path("ä/é.jpg")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (20_480_000, "20.5 MB"),
        (999_960_000, "1.0 GB"),
        (13_500_000_000, "13.5 GB"),
        (5e15, "5000.0 TB"),
    ],
)
def test_sizes_have_the_unit_that_fits(count: float, text: str) -> None:
    assert format_bytes(count) == text
