"""Weights on disk are refused where any of their bytes changed."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

import tushuo
from tests.cli.conftest import call
from tushuo.captioning.load import GENERAL
from tushuo.captioning.tagger import load_tagger
from tushuo.errors import RunError, WeightsError
from tushuo.models import FOLDER
from tushuo.tensor_files import load_tensors, save_tensors
from tushuo.trust.familiarity import read_familiarity

TENSORS = {
    "matrix": torch.arange(600.0).reshape(20, 30),
    "whole": torch.tensor([3, 4]),
    "one": torch.tensor(2.5),
    "half": torch.ones(7, dtype=torch.float16),
    "none": torch.zeros(0, 4),
}


def overwrite(path: Path, *, at: float = 0.5, count: int = 100) -> None:
    """Overwrite bytes of a file at a share of its length; the file stays as long."""
    content = bytearray(path.read_bytes())
    start = int(at * len(content))
    content[start : start + count] = bytes(255 - byte for byte in content[start : start + count])
    path.write_bytes(content)


def test_what_is_saved_is_read_and_other_readers_read_it_too(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.safetensors"
    save_tensors(path, TENSORS, {"name": "狗"})
    tensors, metadata = load_tensors(path)
    assert metadata == {"name": "狗"}
    assert tensors.keys() == TENSORS.keys() == load_file(path).keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize("at", [0.4, 0.6, 0.8, 0.99])
def test_changed_bytes_are_noticed(tmp_path: Path, at: float) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors(path, TENSORS)
    overwrite(path, at=at, count=1)
    with pytest.raises(SafetensorError):
        load_tensors(path)


def test_a_changed_header_is_noticed(tmp_path: Path) -> None:
    """A name, or other metadata; the bytes of the tensors are the same."""
    path = tmp_path / "a.safetensors"
    save_tensors(path, TENSORS, {"name": "dog"})
    content = path.read_bytes()
    for old, new in ((b"matrix", b"matrax"), (b'"dog"', b'"cat"'), (b"[20,30]", b"[30,20]")):
        assert content.count(old) == 1
        path.write_bytes(content.replace(old, new))
        with pytest.raises(SafetensorError, match="changed since it was written"):
            load_tensors(path)


def test_a_file_without_a_checksum_is_read(tmp_path: Path) -> None:
    save_file({"a": TENSORS["matrix"]}, tmp_path / "a.safetensors")
    tensors, metadata = load_tensors(tmp_path / "a.safetensors")
    assert torch.equal(tensors["a"], TENSORS["matrix"])
    assert metadata == {}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("best.safetensors", RunError),
        ("familiarity.safetensors", RunError),
        (f"{GENERAL}/best.safetensors", RunError),
        (f"{GENERAL}/concepts.safetensors", WeightsError),
        (f"{GENERAL}/familiarity.safetensors", RunError),
    ],
)
def test_a_damaged_model_is_refused(
    name: str, error: type[Exception], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(FOLDER / "en", tmp_path / "model")
    overwrite(tmp_path / "model" / name)
    with pytest.raises(error, match="changed since it was written"):
        tushuo.load(tmp_path / "model")
    assert call("caption", "photo.jpg", "--run", tmp_path / "model") == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith(f"tushuo: {tmp_path / 'model'}")
    if "concepts" in name:
        with pytest.raises(error, match="changed since it was written"):
            load_tagger(tmp_path / "model" / GENERAL)


def test_every_shipped_file_has_a_checksum(tmp_path: Path) -> None:
    files = [*FOLDER.rglob("*.safetensors")]
    assert len(files) == 10
    for file in files:
        copy = tmp_path / "copy.safetensors"
        shutil.copy(file, copy)
        overwrite(copy, at=0.9, count=1)
        with pytest.raises(SafetensorError):
            load_tensors(copy)
    assert read_familiarity(FOLDER / "en") is not None
