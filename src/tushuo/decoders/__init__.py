"""Caption decoders, one a file. To add one: its file, a line here, a line in the docs."""

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

SHARES = ("dropout",)  # of the settings; all others are sizes


def settings_of(name: str, given: Mapping[str, object]) -> Any:
    """Return a decoder's settings, its own defaults where nothing is given; 64.0 is 64.

    Raises:
        SettingError: there is no such decoder or setting, or a value cannot be.
    """
    if name not in DECODERS:
        raise SettingError(f"decoder {name!r} is unknown, known: {', '.join(DECODERS)}")
    kind = DECODERS[name][1]
    known = [field.name for field in fields(kind)]
    for setting in given:
        if setting not in known:
            raise SettingError(f"{name} has no setting {setting!r}, it has: {', '.join(known)}")
    whole = {
        setting: int(value) if isinstance(value, float) and value.is_integer() else value
        for setting, value in given.items()
    }
    for setting, value in whole.items():
        if type(value) is int and value < 1 and setting not in SHARES:  # False is no size
            raise SettingError(f"{name}'s {setting} was {value}, it must be at least 1")
        if setting in SHARES and isinstance(value, int | float) and not 0 <= value < 1:
            raise SettingError(f"{name}'s {setting} was {value}, it must be at least 0 and below 1")
    try:
        return msgspec.convert(whole, kind)
    except msgspec.ValidationError as error:
        raise SettingError(f"settings of {name} do not fit: {error}") from error


def build(name: str, given: Mapping[str, object], *, width: int, vocabulary: int) -> Decoder:
    """Make a decoder with random weights.

    Raises:
        SettingError: as `settings_of` does.
    """
    return DECODERS[name][0](width=width, vocabulary=vocabulary, config=settings_of(name, given))
