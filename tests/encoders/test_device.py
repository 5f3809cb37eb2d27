"""Encoders on a device: the meta device, which holds shapes alone, and a GPU where there is one."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.encoders.test_inception_v3 import torch_tensors
from tushuo import encoders
from tushuo.device import device_of
from tushuo.encoders.spec import Encoder
from tushuo.encoders.split_encoder import fine_tuned_encoder, split_encoder
from tushuo.errors import SettingError


@pytest.fixture(scope="module")
def weights(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    inception = tmp_path_factory.mktemp("weights") / "inception.safetensors"
    save_file(torch_tensors(), inception)
    return {"efficientnet_lite0": tiny_weights, "inception_v3": inception}


def pictures(encoder: Encoder) -> Tensor:
    shape = (2, 3, encoder.spec.side, encoder.spec.side)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def test_the_cpu_is_the_default(tiny_weights: Path) -> None:
    default = encoders.load("efficientnet_lite0", weights=tiny_weights)
    named = encoders.load("efficientnet_lite0", weights=tiny_weights, device="cpu")
    assert named(pictures(named)).equal(default(pictures(default)))


@pytest.mark.parametrize("name", ["efficientnet_lite0", "inception_v3"])
def test_pictures_of_the_cpu_become_regions_of_the_device(
    name: str, weights: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "require_device", torch.device)
    encoder = encoders.load(name, weights=weights[name], device="meta")
    assert encoder.spec == encoders.load(name, weights=weights[name]).spec
    regions = encoder(pictures(encoder))
    assert regions.device.type == "meta"
    assert regions.shape == (2, encoder.spec.regions, encoder.spec.width)


def test_trunk_and_head_are_on_the_device_of_their_encoder(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "require_device", torch.device)
    split = split_encoder(encoders.load("efficientnet_lite0", weights=tiny_weights, device="meta"))
    assert split.trunk(pictures(split.trunk)).device.type == "meta"
    assert device_of(split.head).type == "meta"


def test_the_device_is_checked_before_weights_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(SettingError, match=r"device was cuda, .* available: cpu"):
        encoders.load("efficientnet_lite0", weights=tmp_path / "absent.pth", device="cuda")


def close(actual: Tensor, expected: Tensor) -> bool:
    """Whether regions differ by the rounding of float32 alone.

    Summed in another order, those of efficientnet_lite2 differ by some 3e-6 of the largest number;
    with weights rounded to TensorFloat-32, by more than 1e-2.
    """
    difference = (actual.cpu() - expected).abs().max()
    return bool(difference < 1e-4 * expected.abs().max())


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["efficientnet_lite0", "inception_v3"])
def test_gpu_regions_equal_those_of_the_cpu(name: str, weights: dict[str, Path]) -> None:
    device = str(torch.accelerator.current_accelerator())
    cpu = encoders.load(name, weights=weights[name])
    gpu = encoders.load(name, weights=weights[name], device=device)
    assert gpu.spec == cpu.spec
    regions = gpu(pictures(gpu))
    assert str(regions.device).startswith(device)
    assert close(regions, cpu(pictures(cpu)))


@pytest.mark.gpu
def test_gpu_regions_of_the_default_encoder_equal_those_of_the_cpu() -> None:
    cpu = encoders.load("efficientnet_lite2")
    gpu = encoders.load("efficientnet_lite2", device=str(torch.accelerator.current_accelerator()))
    assert close(gpu(pictures(gpu)), cpu(pictures(cpu)))


@pytest.mark.gpu
def test_a_fine_tuned_encoder_is_on_one_device(tiny_weights: Path) -> None:
    device = str(torch.accelerator.current_accelerator())
    cpu = encoders.load("efficientnet_lite0", weights=tiny_weights)
    gpu = encoders.load("efficientnet_lite0", weights=tiny_weights, device=device)
    head = {name: value * 0.9 for name, value in split_encoder(cpu).head.state_dict().items()}
    expected, tuned = fine_tuned_encoder(cpu, None, head), fine_tuned_encoder(gpu, None, head)
    assert tuned.spec == expected.spec
    regions = tuned(pictures(tuned))
    assert str(regions.device).startswith(device)
    assert close(regions, expected(pictures(expected)))
