"""The options of a search, made from ``SearchConfig``: what is not given is as the run has it."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from tushuo.cli.flags import flags_of
from tushuo.search.config import SearchConfig

_GROUP = Group("Search", help="What is not given is as the run has it; docs/decoding.md.")
Given = flags_of(SearchConfig, chooser="run")
if TYPE_CHECKING:
    SearchOptions = Any  # mypy knows no class that is made at run time
else:
    SearchOptions = Annotated[Given, Parameter(name="*", group=_GROUP)]
RUN_DEFAULTS = Given()
