"""Command-line options for the settings of a search; unset options keep the run's settings."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from tushuo.cli.flags import flags_of
from tushuo.search.config import SearchConfig

_GROUP = Group("Search", help="Unset options keep the run's settings; see docs/decoding.md.")
SearchFlags = flags_of(SearchConfig, chooser="run")
if TYPE_CHECKING:
    SearchOptions = Any  # mypy does not know classes made at run time
else:
    SearchOptions = Annotated[SearchFlags, Parameter(name="*", group=_GROUP)]
RUN_DEFAULTS = SearchFlags()
