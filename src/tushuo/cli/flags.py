"""Flags made of a settings class, so that a setting is declared once.

A command takes a class that mirrors the settings with None for what was not given, as
``Annotated[flags_of(TrainConfig), Parameter(name="*")]``, and `with_given` puts what was given in
the place of what a recipe or a run has chosen.
"""

from collections.abc import Collection
from dataclasses import field, fields, make_dataclass, replace
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from cyclopts import Parameter

Settings = TypeVar("Settings", bound=Any)


def flags_of(settings: type, *, chooser: str, without: Collection[str] = ()) -> type:
    """Mirror a settings class as one whose fields are all None unless given.

    Args:
        settings: a dataclass whose fields are ``Annotated[type, "help"]``.
        chooser: what chooses where nothing is given: a recipe, a run.
        without: fields that the command does not offer.
    """
    made = [
        _flag(name, hint, getattr(settings, name), chooser)
        for name, hint in get_type_hints(settings, include_extras=True).items()
        if name not in without
    ]
    module = {"__module__": settings.__module__}  # where cyclopts looks names up
    return make_dataclass(
        f"{settings.__name__}Flags", made, frozen=True, kw_only=True, namespace=module
    )


def with_given(settings: Settings, flags: Any) -> Settings:
    """Put the flags that were given in the place of what was chosen before.

    Raises:
        SettingError: together they cannot be.
    """
    values = {one.name: getattr(flags, one.name) for one in fields(flags)}
    return replace(settings, **only_given(**values))


def only_given(**values: Any) -> dict[str, Any]:
    """Keep what was given."""
    return {name: value for name, value in values.items() if value is not None}


def _negative(name: str, kind: Any) -> str | None:
    """Name the flag that takes a yes back: --echo that of --no-echo; other settings have none."""
    if kind is not bool:
        return ""
    return f"--{name.removeprefix('no_')}" if name.startswith("no_") else None  # None: --no-NAME


def _flag(name: str, hint: Any, default: Any, chooser: str) -> tuple[str, Any, Any]:
    kind, told = get_args(hint)
    if default not in (None, (), False):
        told = f"{told}; {default} unless the {chooser} says otherwise"
    told_to = Parameter(help=told, negative=_negative(name, kind))
    return name, Annotated[kind | None, told_to], field(default=None)
