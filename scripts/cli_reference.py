"""Write docs/cli.md, the command-line reference, from the commands themselves.

    python scripts/cli_reference.py

tests/cli/test_reference.py fails while the page differs from the commands.
"""

import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from cyclopts import App, Group
from cyclopts.argument import Argument

from tushuo.cli import app
from tushuo.runtime import write_bytes

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
SHARED = "Search"  # title of the options that several commands take
UNTITLED = ("Arguments", "Parameters")  # groups of cyclopts, which need no heading of their own
INTRODUCTION = """\
# Command-line reference

Generated from the commands by `python scripts/cli_reference.py`; do not edit this page by hand.
`tushuo COMMAND --help` prints the same text in a terminal.

Exit codes: 0: done. 1: done, but some pictures failed; the first few are named. 2: all pictures
failed, or the command could not run; one sentence gives the reason. 130: interrupted; the commands
that can resume do so when repeated.

An option whose type ends in `...` may be repeated.

"""

Groups = dict[str, tuple[Group, list[Argument]]]


def reference() -> str:
    """Return the page."""
    commands = dict(_commands(app, "tushuo"))
    users = [f"`{name}`" for name, command in commands.items() if SHARED in _groups(command)]
    group, shared = next(
        _groups(command)[SHARED] for command in commands.values() if SHARED in _groups(command)
    )
    parts = [
        "\n".join(
            f"- [`{name}`](#{name.replace(' ', '-')}): {_paragraphs(command)[0]}"
            for name, command in commands.items()
        ),
        *(_section(name, command) for name, command in commands.items()),
        "## Search options",
        f"Options of {', '.join(users[:-1])} and {users[-1]}. {group.help}",
        _table(shared),
    ]
    return INTRODUCTION + "\n\n".join(parts) + "\n"


def _commands(parent: App, prefix: str) -> Iterator[tuple[str, App]]:
    """Yield the commands of an application and of its sub-applications, by their full names."""
    for name in parent:
        if name.startswith("-"):
            continue
        command = parent[name]
        if command.default_command:
            yield f"{prefix} {name}", command
        else:
            yield from _commands(command, f"{prefix} {name}")


def _section(name: str, command: App) -> str:
    groups, (summary, *rest) = _groups(command), _paragraphs(command)
    arguments = [argument for _, members in groups.values() for argument in members]
    parts = [f"## {name}", summary, f"    {_usage(name, arguments)}"]
    for paragraph in rest:
        before, is_example, example = paragraph.partition("Example: ")
        parts += ["Example:", f"    {example}"] if is_example and not before else [paragraph]
    for title, (group, members) in groups.items():
        if title == SHARED:
            parts.append("Also takes the [search options](#search-options).")
        else:
            heading = f"**{title}**" + (f": {group.help}" if group.help else "")
            parts += [heading] if title else []
            parts.append(_table(members))
    return "\n\n".join(parts)


def _paragraphs(command: App) -> list[str]:
    """Return the paragraphs of a command's help; the first is its summary."""
    text = inspect.cleandoc(command.default_command.__doc__ or "")
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _groups(command: App) -> Groups:
    """Return the arguments that a command's help shows, by the title of their group, if any."""
    groups: Groups = {}
    for argument in command.assemble_argument_collection():
        if argument.show:
            group = argument.parameter.group[0]
            title = "" if group.name in UNTITLED else group.name
            groups.setdefault(title, (group, []))[1].append(argument)
    return groups


def _usage(name: str, arguments: list[Argument]) -> str:
    required = [_label(argument) for argument in arguments if argument.required]
    optional = [
        f"[{_label(argument)}...]"
        for argument in arguments
        if argument.index is not None and not argument.required
    ]
    has_options = len(required) + len(optional) < len(arguments)
    return " ".join([name, *required, *optional, *(["[OPTIONS]"] if has_options else [])])


def _table(arguments: list[Argument]) -> str:
    rows = ["| option | meaning | default |", "|---|---|---|"]
    for argument in arguments:
        names = ", ".join(f"`{name}`" for name in [_label(argument), *argument.negatives])
        choices = ", ".join(f"`{choice}`" for choice in argument.get_choices() or ())
        meaning = [argument.parameter.help or "", f"({choices})" if choices else ""]
        cells = names, " ".join(filter(None, meaning)).replace("|", r"\|"), _default(argument)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _label(argument: Argument) -> str:
    """Return an argument as it is typed: `PICTURE`, `--json`, `--output PATH`."""
    if argument.index is not None:
        return argument.names[0].removeprefix("--").upper()
    kind = _kind(argument.hint)
    return argument.names[0] + {"BOOL": "", "DICT": ".NAME VALUE"}.get(kind, f" {kind}")


def _kind(hint: Any) -> str:
    """Return the placeholder of an option's value."""
    origin, parts = get_origin(hint), [one for one in get_args(hint) if one is not types.NoneType]
    if origin in (Union, types.UnionType):
        return _kind(parts[0])
    if origin in (list, tuple):
        return f"{_kind(parts[0])}..."
    if origin is Literal:
        return "CHOICE"
    return {"str": "TEXT"}.get(hint.__name__, hint.__name__.upper())


def _default(argument: Argument) -> str:
    if argument.required:
        return "required"
    default = argument.field_info.default
    if any(default is empty for empty in (None, False, inspect.Parameter.empty)) or default == ():
        return ""
    return f"`{argument.names[0]}`" if default is True else f"`{default}`"


if __name__ == "__main__":
    write_bytes(PAGE, reference().encode())
    print(PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE)
