"""Devices by name, and the precision of convolutions."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from tushuo.device import available_devices, device_of, full_float32, require_device
from tushuo.errors import SettingError


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)


@pytest.mark.usefixtures("two_gpus")
def test_available_devices_have_their_names() -> None:
    assert available_devices() == ["cpu", "cuda", "cuda:0", "cuda:1"]
    for name in available_devices():
        assert require_device(name) == torch.device(name)
        assert require_device(torch.device(name)) == torch.device(name)
    with pytest.raises(SettingError, match=r"was cuda:2, .* available: cpu, cuda, cuda:0, cuda:1$"):
        require_device("cuda:2")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:x", "mps", "meta", "gpu", ""])
def test_a_device_that_is_not_available_is_refused(name: str) -> None:
    assert require_device("cpu") == torch.device("cpu")
    message = f"device was {name}, but torch cannot use it here; available: cpu"
    with pytest.raises(SettingError) as refused:
        require_device(name)
    assert str(refused.value) == message


def test_the_device_of_a_module_is_that_of_its_weights() -> None:
    assert device_of(torch.nn.Linear(2, 2, device="meta")) == torch.device("meta")
    assert device_of(torch.nn.BatchNorm1d(2, affine=False)) == torch.device("cpu")


def test_full_float32_restores_the_setting() -> None:
    before = torch.backends.cudnn.allow_tf32
    with pytest.raises(ZeroDivisionError), full_float32():
        _ = 1 / 0
    assert torch.backends.cudnn.allow_tf32 == before
    if not hasattr(torch.backends.cudnn, "conv"):
        pytest.skip("requires torch 2.9 or later")
    with full_float32():
        assert torch.backends.cudnn.conv.fp32_precision == "ieee"


def test_threads_restore_the_setting_of_convolutions() -> None:
    def setting() -> object:
        cudnn = torch.backends.cudnn
        return cudnn.conv.fp32_precision if hasattr(cudnn, "conv") else cudnn.allow_tf32

    before, barrier = setting(), Barrier(2)

    def overlap(number: int) -> None:
        with full_float32():
            barrier.wait()
            if number:
                barrier.wait()
        if not number:
            barrier.wait()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(overlap, range(2)))
    assert setting() == before
