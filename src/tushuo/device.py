"""The devices that networks run on."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from threading import Lock
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


class _Float32Convolutions:
    """Counts the threads that need float32 convolutions; the setting belongs to the process."""

    def __init__(self) -> None:
        self._lock, self._users, self._before = Lock(), 0, None

    def enter(self) -> None:
        with self._lock:
            if self._users == 0:
                settings, name, exact = self._setting()
                self._before = getattr(settings, name)
                setattr(settings, name, exact)
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                settings, name, _ = self._setting()
                setattr(settings, name, self._before)

    def _setting(self) -> tuple[Any, str, bool | str]:
        settings: Any = torch.backends.cudnn
        if hasattr(settings, "conv"):  # torch 2.9 and later, where allow_tf32 is deprecated
            return settings.conv, "fp32_precision", "ieee"
        return settings, "allow_tf32", False


_convolutions = _Float32Convolutions()


@contextmanager
def full_float32() -> Iterator[None]:
    """Make the convolutions of CUDA devices compute in float32, as those of the CPU do.

    By default cuDNN rounds their inputs to TensorFloat-32, which has a mantissa of 10 bits. The
    setting is restored when the last thread leaves.
    """
    _convolutions.enter()
    try:
        yield
    finally:
        _convolutions.leave()
