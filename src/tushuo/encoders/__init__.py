"""Encoders, one module per family. To add one: its module, a line here, a line in the docs."""

from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import torch

from tushuo.device import require_device
from tushuo.encoders.spec import Encoder
from tushuo.errors import SettingError
from tushuo.runtime import Progress

ENCODERS: dict[str, str] = {
    "efficientnet_lite0": "tushuo.encoders.efficientnet_lite",
    "efficientnet_lite1": "tushuo.encoders.efficientnet_lite",
    "efficientnet_lite2": "tushuo.encoders.efficientnet_lite",
    "inception_v3": "tushuo.encoders.inception_v3",
    "hf:": "tushuo.encoders.huggingface",  # followed by a folder, or by a repository of the hub
}
DEFAULT_ENCODER = "efficientnet_lite2"


def load(
    name: str,
    *,
    weights: Path | str | None = None,
    progress: Progress | None = None,
    device: str | torch.device = "cpu",
) -> Encoder:
    """Load a pretrained encoder by name.

    Args:
        name: one of ``ENCODERS``; the name of an EfficientNet-Lite may end in the side of its
            pictures: ``NAME@320``.
        weights: weights file to read instead of the encoder's default.
        progress: called with bytes downloaded and bytes in total; without it, nothing is
            downloaded.
        device: device to run the encoder on, such as ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        SettingError: no encoder has this name, or the device is not available.
        WeightsError, MissingPartError: the weights are not on this machine; the message explains
            how to get them.
    """
    family = "hf:" if name.startswith("hf:") else name.partition("@")[0]
    if family not in ENCODERS:
        closest = get_close_matches(name, ENCODERS, 1)
        hint = f"did you mean {closest[0]}? " if closest else ""
        raise SettingError(f"encoder {name!r} is unknown; {hint}known: {', '.join(ENCODERS)}")
    path = Path(weights) if weights is not None else None
    module = import_module(ENCODERS[family])
    encoder: Encoder = module.load(name, path, progress, require_device(device))
    return encoder
