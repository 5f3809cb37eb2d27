"""Tiny data that many tests share: drawn in code, the same each time."""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from shutil import which
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from tushuo.data import Record, read
from tushuo.data.scenes import make_scenes
from tushuo.encoders.spec import EncoderSpec


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and not torch.accelerator.is_available():
        pytest.skip("requires a GPU that torch can use")


FLICKR8K = Path(__file__).parents[2] / "shared" / "data" / "flickr8k"


@pytest.fixture(scope="module")  # while it is open, no other event loop can run in this thread
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright; both are there in CI."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="requires the package playwright")
    program = which("chromium") or which("chromium-browser") or which("google-chrome")
    if program is None:
        pytest.skip("requires a browser; on Debian: apt-get install chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=arguments)
        yield opened
        opened.close()


class MeanEncoder:
    """Mean colour of each cell of a 4 x 4 grid: an encoder without weights."""

    spec = EncoderSpec(
        name="mean", side=32, resize="squash", filter="antialias", rows=4, columns=4, width=3,
        weights="none",
    )  # fmt: skip

    def __call__(self, pictures: Tensor) -> Tensor:
        cells = torch.nn.functional.avg_pool2d(pictures.float() / 255, 8)
        return cells.flatten(2).transpose(1, 2)


TINY_WIDTHS = (4, 4, 6, 8, 10, 12, 14, 16)  # of the stem and of seven stages of one block each


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights of the smallest EfficientNet-Lite, for efficientnet_lite0."""
    generator = torch.Generator().manual_seed(0)
    tensors: dict[str, Tensor] = {}

    def convolution(name: str, norm: str, *shape: int) -> None:
        scale = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        tensors[f"{name}.weight"] = torch.randn(shape, generator=generator) * scale
        one, zero = torch.ones(shape[0]), torch.zeros(shape[0])
        parts = {"weight": one, "bias": zero + 0.1, "running_mean": zero, "running_var": one}
        tensors.update({f"{norm}.{part}": value for part, value in parts.items()})

    convolution("_conv_stem", "_bn0", TINY_WIDTHS[0], 3, 3, 3)
    for number, (width, wider) in enumerate(pairwise(TINY_WIDTHS)):
        block = f"_blocks.{number}"
        convolution(f"{block}._depthwise_conv", f"{block}._bn1", width, 1, 3, 3)
        convolution(f"{block}._project_conv", f"{block}._bn2", wider, width, 1, 1)
    convolution("_conv_head", "_bn1", 24, TINY_WIDTHS[-1], 1, 1)
    path = tmp_path_factory.mktemp("tiny") / "tiny.pth"
    torch.save(tensors, path)
    return path


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
        pytest.skip(f"requires Flickr8k at {FLICKR8K}")
    return FLICKR8K
