"""Errors of the command line's syntax, each as one sentence."""

import re
from difflib import get_close_matches
from types import NoneType
from typing import Any, get_args, get_origin

import cyclopts

from tushuo.setting_types import describe_type

HINTS = {"explain": "to caption several pictures: tushuo caption"}  # of arguments too many


def describe_usage_error(error: cyclopts.CycloptsError) -> str:
    """Describe in one sentence what was wrong with the arguments, and name the help to read."""
    command = " ".join(("tushuo", *(error.command_chain or ())))
    return f"{_reason(error, command).rstrip('.')}; see: {command} --help"


def _reason(error: cyclopts.CycloptsError, command: str) -> str:
    argument = error.argument
    if isinstance(error, cyclopts.UnknownCommandError) and error.app is not None:
        wrong = (error.unused_tokens or ["it"])[0]
        near = get_close_matches(wrong, error.app, 1)
        return f"{wrong} is not a command" + (f"; did you mean {near[0]}?" if near else "")
    if isinstance(error, cyclopts.UnusedCliTokensError):
        return _too_many(error, command)
    if isinstance(error, cyclopts.MissingArgumentError) and argument is not None:
        if error.keyword is not None:
            return f"{error.keyword} requires a value"
        name = argument.name if argument.index is None else _placeholder(argument.name)
        return f"{name} is missing{_example(error)}"
    if isinstance(error, cyclopts.CoercionError) and argument is not None and error.token:
        name = error.token.keyword or _placeholder(argument.name)
        return _wrong_value(name, error.token.value, argument.hint)
    text = str(error)
    return text[:1].lower() + text[1:]


def _too_many(error: cyclopts.UnusedCliTokensError, command: str) -> str:
    extra, name = error.unused_tokens or [], command.rpartition(" ")[2]
    arguments = error.app.assemble_argument_collection() if error.app else []
    taken = " and ".join(_placeholder(one.name) for one in arguments if one.index is not None)
    number = "is one argument" if len(extra) == 1 else f"are {len(extra)} arguments"
    hint = f"; {HINTS[name]}" if name in HINTS else ""
    given = ", ".join(map(repr, extra))
    return f"{given} {number} too many, since {name} takes {taken or 'options'} only{hint}"


def _wrong_value(name: str, value: str, hint: Any) -> str:
    """Describe a value that has another type than its option."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    kind = kinds[0] if NoneType in get_args(hint) and len(kinds) == 1 else hint
    if kind is bool:
        return f"{name} was given {value!r}, but takes no value"
    if get_origin(kind) is dict:
        return f"{name} was {value!r}, but must name a setting, as in {name}.NAME VALUE"
    if get_origin(kind) in (tuple, list):
        kind = get_args(kind)[0]  # each is given by itself
    return f"{name} was {value!r}, but must be {describe_type(kind)}"


def _example(error: cyclopts.CycloptsError) -> str:
    """Return the example of a command's docstring."""
    documented = error.app.default_command if error.app else None
    found = re.search(r"Example: (.+)", getattr(documented, "__doc__", None) or "")
    return f", as in: {found[1]}" if found else ""


def _placeholder(name: str) -> str:
    """Return the name of a positional argument as help shows it."""
    return name.lstrip("-").upper()
