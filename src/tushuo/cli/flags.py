"""Command-line flags made from a settings class, so that a setting is declared once.

A command takes ``Annotated[flags_of(TrainConfig, chooser="recipe"), Parameter(name="*")]``: a class
that mirrors the settings with None for every flag that was not set. `with_given` replaces what a
recipe or a run has chosen by the flags that were set, and `given` returns just these.
"""

from collections.abc import Collection, Mapping
from dataclasses import field, fields, make_dataclass, replace
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from cyclopts import Parameter

from tushuo.cli.options import WHOLE_NUMBER

Settings = TypeVar("Settings", bound=Any)


def flags_of(
    settings: type,
    *,
    chooser: str | None = None,
    without: Collection[str] = (),
    names: Mapping[str, str] | None = None,
) -> type:
    """Mirror a settings class as one that cyclopts makes flags of.

    Args:
        settings: a dataclass whose fields are ``Annotated[type, "help"]``.
        chooser: what supplies the settings that are not set, a recipe or a run; they are None then.
            Without it, the defaults of the class apply.
        without: fields that the command does not offer.
        names: flags that are not called like their fields.
    """
    flags = [
        _flag(name, hint, getattr(settings, name), chooser, (names or {}).get(name))
        for name, hint in get_type_hints(settings, include_extras=True).items()
        if name not in without
    ]
    module = {"__module__": settings.__module__}  # where cyclopts resolves names
    return make_dataclass(
        f"{settings.__name__}Flags", flags, frozen=True, kw_only=True, namespace=module
    )


def with_given(settings: Settings, flags: Any) -> Settings:
    """Replace settings by the flags that were set.

    Raises:
        SettingError: the combination is invalid.
    """
    return replace(settings, **given(flags))


def given(*flags: Any) -> dict[str, Any]:
    """Return the flags that were set, by the name of their field; a group without any is None."""
    values = {
        flag.name: getattr(group, flag.name) for group in flags if group for flag in fields(group)
    }
    return {name: value for name, value in values.items() if value is not None}


def _negative(name: str, kind: Any) -> str | None:
    """Return the flag that negates a boolean setting; others have none."""
    if kind is not bool:
        return ""
    if not name.startswith("no_"):
        return None  # --no-NAME
    return f"--{name.removeprefix('no_')}".replace("_", "-")


def _flag(
    name: str, hint: Any, default: Any, chooser: str | None, flag: str | None
) -> tuple[str, Any, Any]:
    kind, text = get_args(hint)
    whole = kind in (int, int | None)
    if chooser:
        text += "" if default in (None, (), False) else f"; {default} unless the {chooser} sets it"
        kind, default = kind | None, None
    parameter = Parameter(name=flag, help=text, negative=_negative(name, get_args(hint)[0]))
    if whole:
        return name, Annotated[kind, WHOLE_NUMBER, parameter], field(default=default)
    return name, Annotated[kind, parameter], field(default=default)
