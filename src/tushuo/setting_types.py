"""The types of settings that are given in Python."""

from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from tushuo.errors import SettingError

SEED_LIMIT = 2**31
_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a text",
    Path: "a path",
    type(None): "None",
}


def convert_settings(settings: Any) -> None:
    """Convert the fields of a settings object to the types that its class declares, in place.

    Args:
        settings: a dataclass instance, frozen or not, that is being made.

    Raises:
        SettingError: a value has another type, or ``seed`` is out of range.
    """
    for name, hint in get_type_hints(type(settings)).items():
        value = convert_setting(name, getattr(settings, name), hint)
        if name == "seed" and not abs(value) < SEED_LIMIT:
            raise SettingError(f"seed was {value}, but must be between -2**31 and 2**31")
        object.__setattr__(settings, name, value)


def convert_setting(name: str, value: Any, hint: Any) -> Any:
    """Convert a value to the declared type.

    Lists become tuples, NumPy numbers become numbers of Python, whole numbers become floats where
    floats are declared, and strings become paths. Nothing else is parsed, and nothing is rounded.

    Raises:
        SettingError: the value has another type.
    """
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        value = value.item()
    try:
        return msgspec.convert(value, hint, dec_hook=lambda kind, given: kind(given))
    except msgspec.ValidationError:
        raise SettingError(f"{name} was {value!r}, but must be {describe_type(hint)}") from None


def describe_type(hint: Any) -> str:
    """Describe a type in words."""
    if hint in _WORDS:
        return _WORDS[hint]
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    if get_origin(hint) in (tuple, list):
        return f"a list of {describe_type(get_args(hint)[0]).removeprefix('a ')}s"
    if get_origin(hint) is dict:
        return "a dictionary"
    return " or ".join(describe_type(part) for part in get_args(hint))
