"""Caption decoders, one per file.

To add one: its file, an entry of `DECODERS`, its name among the choices of ``--decoder`` in
training/options.py, a row in docs/training.md.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import msgspec

from tushuo.decoders.base import Decoder
from tushuo.decoders.show_attend_gru import ShowAttendGRU, ShowAttendGRUConfig
from tushuo.decoders.top_down import TopDown, TopDownConfig
from tushuo.decoders.transformer import Transformer, TransformerConfig
from tushuo.errors import SettingError

DECODERS: dict[str, tuple[type[Decoder], type]] = {
    "show_attend_gru": (ShowAttendGRU, ShowAttendGRUConfig),
    "top_down": (TopDown, TopDownConfig),
    "transformer": (Transformer, TransformerConfig),
}

PROBABILITIES = ("dropout",)  # all other numeric settings are sizes


def settings_of(name: str, given: Mapping[str, object]) -> Any:
    """Return a decoder's settings, with its defaults for those not given.

    Whole floats are accepted as integers, since JSON and the command line may write 64 as 64.0.

    Raises:
        SettingError: the decoder or a setting is unknown, or a value is invalid.
    """
    if name not in DECODERS:
        raise SettingError(f"unknown decoder {name!r}; known decoders: {', '.join(DECODERS)}")
    config = DECODERS[name][1]
    known = [field.name for field in fields(config)]
    for setting in given:
        if setting not in known:
            raise SettingError(f"{name} has no setting {setting!r}; it has: {', '.join(known)}")
    values = {
        setting: int(value) if isinstance(value, float) and value.is_integer() else value
        for setting, value in given.items()
    }
    for setting, value in values.items():
        if type(value) is int and value < 1 and setting not in PROBABILITIES:  # bool is no size
            raise SettingError(f"{name}: {setting} must be at least 1, got {value}")
        if setting in PROBABILITIES and isinstance(value, int | float) and not 0 <= value < 1:
            raise SettingError(f"{name}: {setting} must be at least 0 and below 1, got {value}")
    try:
        return msgspec.convert(values, config)
    except msgspec.ValidationError as error:
        raise SettingError(f"invalid settings of {name}: {error}") from error


def build(name: str, given: Mapping[str, object], *, width: int, vocabulary: int) -> Decoder:
    """Create a decoder with random weights.

    Raises:
        SettingError: as `settings_of` does.
    """
    return DECODERS[name][0](width=width, vocabulary=vocabulary, config=settings_of(name, given))
