"""Pictures named on the command line: files, addresses, standard input."""

import re
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def require_name(name: str, command: str) -> None:
    """Refuse empty names, and mistyped options where a picture is expected.

    Raises:
        SettingError: it is empty, or it begins with a hyphen and no such file exists.
    """
    from tushuo.errors import SettingError

    if not name:
        raise SettingError("an empty name was given as a picture; name a file or a folder")
    if name.startswith("-") and name != "-" and not Path(name).exists():
        raise SettingError(f"unknown option {name}; see: tushuo {command} --help")


def expand(names: Iterable[str]) -> list[str]:
    """Expand folders and globs into files; addresses and ``-`` stay as they are."""
    from tushuo.pictures.finding import find_pictures

    sources: list[str] = []
    for name in names:
        sources += [name] if is_remote(name) else map(str, find_pictures([name]))
    return sources


def picture_of(source: str) -> Path | bytes:
    """Return a file's path, or the content of an address or of standard input.

    Raises:
        PictureError: the address cannot be fetched, or standard input cannot be read.
    """
    from tushuo.errors import FetchError, PictureError
    from tushuo.fetch import fetch_bytes
    from tushuo.pictures.reading import read_stream

    if source == "-":
        return read_stream(sys.stdin.buffer)
    if not is_remote(source):
        return Path(source)
    try:
        return fetch_bytes(source)
    except FetchError as error:
        raise PictureError(str(error)) from error


def stem_of(source: str) -> str:
    """Return a name for files derived from a picture."""
    return "picture" if is_remote(source) else Path(source).stem


def encodable(text: str) -> str:
    """Escape the bytes of a file name that are not UTF-8."""
    return text.encode(errors="backslashreplace").decode()


def on_one_line(text: str) -> str:
    """Escape control characters, which would end the line or move the cursor."""
    return "".join(repr(c)[1:-1] if unicodedata.category(c) == "Cc" else c for c in text)


def is_remote(source: str) -> bool:
    """Return whether a source is an address or standard input."""
    return source == "-" or bool(ADDRESS.match(source))
