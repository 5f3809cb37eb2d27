"""Standard output whose failures are distinguished from those of files."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class OutputError(Exception):
    """Standard output cannot be written; its cause is the ``OSError``."""


class _Output:
    """A stream whose failures are ``OutputError``s."""

    def __init__(self, stream: Any):
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            raise OutputError from error

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            raise OutputError from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def guarded_output() -> Iterator[None]:
    """Inside the block, failures of standard output are ``OutputError``s.

    Characters that a terminal cannot show, such as Chinese ones, are written as escapes.
    """
    stream = sys.stdout
    for each in (stream, sys.stderr):
        if isinstance(each, io.TextIOWrapper):
            each.reconfigure(errors="backslashreplace")
    if stream is None:  # closed, as by >&-
        yield
        return
    sys.stdout = _Output(stream)
    try:
        yield
    finally:
        sys.stdout = stream


def abandon_output() -> None:
    """Discard what standard output still holds; Python would report it again at its exit."""
    with suppress(OSError):  # of a stream that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
