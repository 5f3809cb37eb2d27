"""Frozen encoders, one family a file. To add one: its file, a line here, a line in the docs."""

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
    """Load a frozen encoder by name.

    Args:
        name: one of ``ENCODERS``; that of an EfficientNet-Lite may end in a side: ``NAME@320``.
        weights: the file to read, in place of the one that belongs to the encoder.
        progress: allows the network, for weights that are not on this machine, and is told how far
            they have come; without it, nothing is fetched.
        device: device to run the encoder on, such as ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        SettingError: no encoder has this name, or the device is not available.
        WeightsError, MissingPartError: its weights are not here; the message says what to do.
    """
    kind = "hf:" if name.startswith("hf:") else name.partition("@")[0]
    if kind not in ENCODERS:
        near = get_close_matches(name, ENCODERS, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise SettingError(f"encoder {name!r} is unknown; {meant}known: {', '.join(ENCODERS)}")
    chosen = require_device(device)
    own = Path(weights) if weights is not None else None
    encoder: Encoder = import_module(ENCODERS[kind]).load(name, own, progress, chosen)
    return encoder
