"""The devices that networks run on."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import nn

from tushuo.errors import SettingError


def require_device(name: str | torch.device) -> torch.device:
    """Return the device of this name: ``cpu``, ``cuda``, ``cuda:1``, ``mps``...

    Raises:
        SettingError: torch does not know the device, or does not find it on this machine.
    """
    available = available_devices()
    if str(name) not in available:
        raise SettingError(
            f"device was {name}, but torch cannot use it here; available: {', '.join(available)}"
        )
    return torch.device(name)


def available_devices() -> list[str]:
    """Return the names of the CPU and of every accelerator that torch can use."""
    if not torch.accelerator.is_available():
        return ["cpu"]
    kind = str(torch.accelerator.current_accelerator())
    return ["cpu", kind, *(f"{kind}:{n}" for n in range(torch.accelerator.device_count()))]


def device_of(module: nn.Module) -> torch.device:
    """Return the device of a module's weights."""
    return next(chain(module.parameters(), module.buffers())).device


@contextmanager
def full_float32() -> Iterator[None]:
    """Make the convolutions of CUDA devices compute in float32, as those of the CPU do.

    By default cuDNN rounds their inputs to TensorFloat-32, which has a mantissa of 10 bits.
    """
    settings: Any = torch.backends.cudnn
    exact: bool | str
    name, exact = "allow_tf32", False
    if hasattr(settings, "conv"):  # torch 2.9 and later, where allow_tf32 is deprecated
        settings, name, exact = settings.conv, "fp32_precision", "ieee"
    before = getattr(settings, name)
    setattr(settings, name, exact)
    try:
        yield
    finally:
        setattr(settings, name, before)
