"""The JSON values of a file of captions, in any usual encoding; damaged files are named."""

import gzip
import json
import os
import re
import zlib
from pathlib import Path
from typing import Any

from tushuo.errors import DataError
from tushuo.file_kinds import HEAD_BYTES, kind_of

_SPACE = re.compile(r"[ \t\r\n]*")  # between JSON values


def read_json(path: Path, expected: str) -> list[Any]:
    r"""Read the JSON values of a file: usually one, or one for each line.

    The text may be UTF-8, UTF-16 or UTF-32, with or without a byte order mark, and compressed by
    gzip. NaN and Infinity are read, as Python writes them, and so is half of a surrogate pair
    (``\ud83d``): what they stand for is judged by the caller.

    Args:
        path: the file; a pipe that something is writing into is read too.
        expected: the expected form, for errors.

    Raises:
        DataError: the file does not exist, is empty, is not text or not JSON, or an object of it
            has a key twice.
        OSError: it cannot be opened.
    """
    values = _parse(_text(_bytes(path, expected), path, expected), path, expected)
    if not values:
        raise DataError(f"{path} is empty; expected {expected}; write it again")
    return values


def _bytes(path: Path, expected: str) -> bytes:
    try:
        with open(path, "rb", opener=_open) as file:
            content = file.read()
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist; expected a JSON file, {expected}; check its path"
        ) from error
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} cannot be decompressed by gzip: {error}; copy or write it again"
        ) from error


def _open(name: str, flags: int) -> int:
    """Open a file; a pipe without a writer ends at once, where it would block for ever."""
    if not hasattr(os, "O_NONBLOCK"):  # Windows
        return os.open(name, flags)
    descriptor = os.open(name, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def _text(content: bytes, path: Path, expected: str) -> str:
    if kind := kind_of(content[:HEAD_BYTES], path.name):
        raise DataError(f"{path} is {kind}; expected JSON, {expected}; unpack or convert it")
    try:
        return content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not {error.encoding.upper()} text, byte {error.start} is "
            f"{error.object[error.start]:#04x}; save it as UTF-8"
        ) from error


def _parse(text: str, path: Path, expected: str) -> list[Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{path} has the key {twice!r} twice in one object; keep one of them")
        return made

    decoder = json.JSONDecoder(object_pairs_hook=unique)
    values, place = [], _after_space(text, 0)
    try:
        while place < len(text):
            value, place = decoder.raw_decode(text, place)
            values.append(value)
            place = _after_space(text, place)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path} is not JSON in line {error.lineno}, column {error.colno} "
            f"({error.msg.lower()}); expected {expected}; write it as JSON, or name a table "
            "NAME.csv or NAME.tsv"
        ) from error
    except RecursionError as error:
        raise DataError(f"{path} is nested too deeply; expected {expected}") from error
    except DataError:
        raise
    except ValueError as error:  # Python's limit of digits
        raise DataError(
            f"{path} has a number of too many digits; write it as text, in quotes"
        ) from error
    return values


def _after_space(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return space.end() if space else place
