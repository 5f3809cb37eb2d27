"""The device that networks run on."""

from typing import TYPE_CHECKING

from tushuo.errors import SettingError

if TYPE_CHECKING:
    import torch


def require_device(name: "str | torch.device") -> "torch.device":
    """Return a device that exists on this machine.

    Args:
        name: such as ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        SettingError: torch does not know it, or this machine does not have it.
    """
    import torch

    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise SettingError(
            f"device was {name}, but torch cannot use it here; available: {', '.join(available())}"
        ) from error
    return device


def available() -> list[str]:
    """Return the devices of this machine."""
    import torch

    return ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
