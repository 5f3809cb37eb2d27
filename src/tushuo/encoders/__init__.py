"""Frozen encoders, one family a file. To add one: its file, a line here, a line in the docs."""

from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from tushuo.encoders.spec import Encoder
from tushuo.errors import SettingError

ENCODERS: dict[str, str] = {
    "efficientnet_lite0": "tushuo.encoders.efficientnet_lite",
    "efficientnet_lite1": "tushuo.encoders.efficientnet_lite",
    "efficientnet_lite2": "tushuo.encoders.efficientnet_lite",
}
DEFAULT_ENCODER = "efficientnet_lite2"


def load(name: str, *, weights: Path | None = None) -> Encoder:
    """Load a frozen encoder by name.

    Raises:
        SettingError: no encoder has this name.
        WeightsError, MissingPartError: its weights are not here; the message says what to do.
    """
    if name not in ENCODERS:
        near = get_close_matches(name, ENCODERS, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise SettingError(f"encoder {name!r} is unknown; {meant}known: {', '.join(ENCODERS)}")
    encoder: Encoder = import_module(ENCODERS[name]).load(name, weights)
    return encoder
