"""Extraction on a device: regions go to the CPU before they are stored."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.cli.conftest import call
from tests.conftest import MeanEncoder
from tushuo import encoders
from tushuo.data import Record
from tushuo.encoders.split_encoder import FineTunedEncoder, fine_tuned_encoder, split_encoder
from tushuo.features.extract import extract, extract_from_grids
from tushuo.features.regions import Regions
from tushuo.features.store import FeatureStore


class GpuTensor(Tensor):
    """A tensor that, like one of a GPU, becomes an array only by way of the CPU."""

    def cpu(self, *arguments: Any, **options: Any) -> Tensor:
        return self.as_subclass(Tensor)

    def numpy(self, *arguments: Any, **options: Any) -> Any:
        raise TypeError("cannot convert a tensor of a GPU to numpy; use Tensor.cpu() first")


class GpuEncoder(MeanEncoder):
    def __call__(self, pictures: Tensor) -> Tensor:
        return super().__call__(pictures).as_subclass(GpuTensor)


def test_a_store_does_not_depend_on_the_device(records: list[Record], tmp_path: Path) -> None:
    extract(records, MeanEncoder(), tmp_path / "cpu")
    extract(records, GpuEncoder(), tmp_path / "gpu")
    cpu, gpu = FeatureStore.open(tmp_path / "cpu"), FeatureStore.open(tmp_path / "gpu")
    assert gpu.signature() == cpu.signature()
    assert gpu.read(range(40)).equal(cpu.read(range(40)))


def test_regions_from_grids_do_not_depend_on_the_device(
    records: list[Record], tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encoders.load("efficientnet_lite0", weights=tiny_weights)
    trunk = split_encoder(whole).trunk
    tuned = fine_tuned_encoder(whole, None, split_encoder(whole).head.state_dict())
    extract(records[:4], trunk, tmp_path / "trunk")
    grids = FeatureStore.open(tmp_path / "trunk")
    extract_from_grids(grids, tuned, tmp_path / "cpu")
    on_cpu = FineTunedEncoder.apply_head
    monkeypatch.setattr(
        FineTunedEncoder,
        "apply_head",
        lambda encoder, grid: on_cpu(encoder, grid).as_subclass(GpuTensor),
    )
    extract_from_grids(grids, tuned, tmp_path / "gpu")
    cpu, gpu = FeatureStore.open(tmp_path / "cpu"), FeatureStore.open(tmp_path / "gpu")
    assert gpu.signature() == cpu.signature()
    assert gpu.read(range(4)).equal(cpu.read(range(4)))


def test_an_absent_device_is_refused_before_a_picture_is_opened(
    scenes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert call("extract", scenes, "--output", tmp_path / "store", "--device", "cuda") == 2
    message = "device was cuda, but torch cannot use it here; available: cpu"
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "store").exists()


def test_the_command_runs_on_the_cpu_by_name(scenes: Path, tmp_path: Path) -> None:
    output = tmp_path / "store"
    options = ("--device", "cpu", "--max-images", 3)
    assert call("extract", scenes, "--output", output, *options) == 0
    assert len(FeatureStore.open(output).rows()) == 3


@pytest.mark.gpu
def test_gpu_stores_have_the_signature_and_the_regions_of_the_cpu(
    records: list[Record], tiny_weights: Path, tmp_path: Path
) -> None:
    device = str(torch.accelerator.current_accelerator())
    stores = {}
    for name in ("cpu", device):
        whole = encoders.load("efficientnet_lite0", weights=tiny_weights, device=name)
        head = {key: value * 0.9 for key, value in split_encoder(whole).head.state_dict().items()}
        tuned = fine_tuned_encoder(whole, None, head)
        extract(records, tuned.trunk, tmp_path / name / "trunk")
        grids = FeatureStore.open(tmp_path / name / "trunk")
        extract_from_grids(grids, tuned, tmp_path / name / "tuned")
        stores[name] = FeatureStore.open(tmp_path / name / "tuned")
        on_the_fly = Regions.on_the_fly(tuned, records[:4])
        assert all(weight.device.type == "cpu" for weight in on_the_fly.head.values())
    assert stores[device].signature() == stores["cpu"].signature()
    expected = stores["cpu"].read(range(40))
    # grids and regions are rounded to float16: each may fall to the next number
    difference = (stores[device].read(range(40)) - expected).abs().max()
    assert difference < 4 * torch.finfo(torch.float16).eps * expected.max()
