"""The options of a search, made from ``SearchConfig``: what is not given is as the run has it."""

from dataclasses import asdict, field, fields, make_dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, get_args

from cyclopts import Group, Parameter

from tushuo.search.config import SearchConfig

_GROUP = Group("Search", help="What is not given is as the run has it; docs/decoding.md.")


def _option(name: str, declared: Any) -> tuple[str, Any, Any]:
    """Return a field of the same name and help whose default is to be absent."""
    kind, told = get_args(declared)
    default = getattr(SearchConfig, name)
    shown = f"{told}; default {default}" if default not in (None, (), False) else told
    negative = None if kind is bool else ""  # only a yes can be taken back by a no
    return (
        name,
        Annotated[kind | None, Parameter(help=shown, negative=negative)],
        field(default=None),
    )


Given = make_dataclass(
    "Given",
    [_option(one.name, one.type) for one in fields(SearchConfig)],
    kw_only=True,
    frozen=True,
    namespace={"__module__": __name__},  # cyclopts looks into no class of module types
)
if TYPE_CHECKING:
    SearchOptions = Any  # mypy knows no class that is made at run time
else:
    SearchOptions = Annotated[Given, Parameter(name="*", group=_GROUP)]
AS_THE_RUN = Given()


def given(options: Any, run: SearchConfig) -> SearchConfig:
    """Put the options that were given in the place of the run's.

    Raises:
        SettingError: together they cannot be.
    """
    return replace(run, **{k: v for k, v in asdict(options).items() if v is not None})
