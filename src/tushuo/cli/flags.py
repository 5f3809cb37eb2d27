"""Flags made of a settings class, so that a setting is declared once.

A command takes ``settings: Annotated[TrainFlags, Parameter(name="*")]``, a class that mirrors the
settings with None for what was not given, and puts the rest in the place of a recipe's choices.
"""

from collections.abc import Collection
from dataclasses import field, fields, make_dataclass, replace
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from cyclopts import Parameter

Settings = TypeVar("Settings", bound=Any)


def flags_of(settings: type, *, without: Collection[str] = ()) -> type:
    """Mirror a settings class as one whose fields are all None unless given.

    Args:
        settings: a dataclass whose fields are ``Annotated[type, "help"]``.
        without: fields that the command does not offer.
    """
    made = []
    for name, hint in get_type_hints(settings, include_extras=True).items():
        if name not in without:
            kind, told = get_args(hint)
            flag = Annotated[kind | None, Parameter(help=told, negative="")]  # type: ignore[valid-type]
            made.append((name, flag, field(default=None)))
    module = {"__module__": settings.__module__}  # where cyclopts looks names up
    return make_dataclass(
        f"{settings.__name__}Flags", made, frozen=True, kw_only=True, namespace=module
    )


def with_given(settings: Settings, flags: Any) -> Settings:
    """Put the flags that were given in the place of what was chosen before."""
    values = {one.name: getattr(flags, one.name) for one in fields(flags)}
    return replace(settings, **only_given(**values))


def only_given(**values: Any) -> dict[str, Any]:
    """Keep what was given."""
    return {name: value for name, value in values.items() if value is not None}
