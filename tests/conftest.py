"""Tiny data that many tests share: drawn in code, the same each time."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from tushuo.data import Record, read
from tushuo.data.scenes import make_scenes
from tushuo.encoders.spec import EncoderSpec

FLICKR8K = Path(__file__).parents[2] / "shared" / "data" / "flickr8k"


class MeanEncoder:
    """Mean colour of each cell of a 4 x 4 grid: an encoder without weights."""

    spec = EncoderSpec(
        name="mean", side=32, resize="squash", filter="antialias", rows=4, columns=4, width=3,
        weights="none",
    )  # fmt: skip

    def __call__(self, pictures: Tensor) -> Tensor:
        cells = torch.nn.functional.avg_pool2d(pictures.float() / 255, 8)
        return cells.flatten(2).transpose(1, 2)


def from_docs(path: str) -> dict[str, Any]:
    """Run the file of this path that docs/adding-a-model.md shows; return its names."""
    page = (Path(__file__).parents[1] / "docs" / "adding-a-model.md").read_text()
    shown = page.split(f"`src/tushuo/{path}`", 1)[1].split("```python\n", 1)[1].split("```", 1)[0]
    module = ModuleType(f"docs_{Path(path).stem}")
    sys.modules[module.__name__] = module  # where dataclasses look for their module
    exec(compile(shown, f"docs/adding-a-model.md:{path}", "exec"), module.__dict__)
    return module.__dict__


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSHUO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    make_scenes(folder, count=40)
    return folder


@pytest.fixture(scope="session")
def records(scenes: Path) -> list[Record]:
    return read(scenes)


@pytest.fixture
def flickr8k() -> Path:
    if not FLICKR8K.is_dir():
        pytest.skip(f"wants Flickr8k at {FLICKR8K}")
    return FLICKR8K
