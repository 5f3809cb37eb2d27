"""Errors of the command line's syntax, each as one sentence."""

from difflib import get_close_matches

import cyclopts


def describe_usage_error(error: cyclopts.CycloptsError) -> str:
    """Describe in one sentence what was wrong with the arguments, and name the help to read."""
    command = " ".join(("tushuo", *(error.command_chain or ())))
    return f"{_reason(error).rstrip('.')}; see: {command} --help"


def _reason(error: cyclopts.CycloptsError) -> str:
    argument = error.argument
    if isinstance(error, cyclopts.UnknownCommandError) and error.app is not None:
        wrong = (error.unused_tokens or ["it"])[0]
        near = get_close_matches(wrong, error.app, 1)
        return f"{wrong} is not a command" + (f"; did you mean {near[0]}?" if near else "")
    if isinstance(error, cyclopts.UnusedCliTokensError):
        return f"{' '.join(error.unused_tokens or [])!r} is one argument too many"
    if isinstance(error, cyclopts.MissingArgumentError) and argument is not None:
        if argument.index is None or error.keyword is not None:
            given = error.keyword is not None
            return (
                f"{error.keyword or argument.name} {'requires a value' if given else 'is missing'}"
            )
        return f"{argument.name.lstrip('-').upper()} is missing"
    text = str(error)
    return text[:1].lower() + text[1:]
