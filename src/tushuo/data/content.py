"""The content of a caption file, read once: bytes, text, lines, JSON."""

import codecs
import gzip
import io
import os
import stat
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from tushuo.errors import DataError

MAX_BYTES = 2_000_000_000  # decompressed; MS-COCO's largest caption file has 92 million
HEAD_BYTES = 1 << 16  # enough to recognise a form
GZIP = b"\x1f\x8b"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
UTF_32 = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")


class Content:
    """A file of caption data; each attribute is computed when it is used first.

    UTF-8 is read with or without a byte order mark, UTF-16 with one. Files may be compressed by
    gzip.
    """

    def __init__(self, path: Path):
        self.path = path

    @cached_property
    def head(self) -> bytes:
        """The first bytes, decompressed.

        Raises:
            DataError: the file cannot be read, or is not a regular file.
        """
        return self._read(HEAD_BYTES)

    @cached_property
    def all_bytes(self) -> bytes:
        """All bytes, decompressed.

        Raises:
            DataError: the file cannot be read, or has more than ``MAX_BYTES``.
        """
        content = self._read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise DataError(f"{self.path} has more than {MAX_BYTES} bytes of text; split it")
        return content

    @cached_property
    def text(self) -> str:
        """All text; line ends of any system become newlines.

        Raises:
            DataError: it is not UTF-8 text.
        """
        return _decode(self.all_bytes, self.path)

    @cached_property
    def first_text(self) -> str:
        """The text of ``head``, without a last line that is cut.

        Raises:
            DataError: it is not UTF-8 text.
        """
        whole = len(self.head) < HEAD_BYTES
        text = _decode(self.head, self.path, final=whole)
        return text if whole or "\n" not in text else text[: text.rindex("\n") + 1]

    @property
    def lines(self) -> list[str]:
        r"""All lines with their ``\n``.

        ``str.splitlines`` would also split at U+2028 and others, which may occur inside a caption.
        """
        return list(io.StringIO(self.text))

    @property
    def first_lines(self) -> list[str]:
        """The first lines that are not empty, without their ends."""
        return [line.rstrip("\n") for line in io.StringIO(self.first_text) if line.strip()]

    @cached_property
    def is_json(self) -> bool:
        """Whether the file begins as one JSON object or array, and not as one object a line."""
        start = self.first_text.lstrip()
        if start.startswith("["):
            return start[1:].lstrip()[:1] in ("[", "{", "]")
        return start.startswith("{") and not (self.first_object and len(self.first_lines) > 1)

    @cached_property
    def first_object(self) -> dict[str, Any] | None:
        """The JSON object that is the whole first line, if there is one."""
        try:
            return msgspec.json.decode(next(iter(self.first_lines), ""), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeEncodeError):
            return None

    @cached_property
    def json(self) -> dict[str, Raw] | list[Raw]:
        """The outermost object or array; its values are parsed by the readers.

        Raises:
            DataError: it is not JSON.
        """
        try:
            return msgspec.json.decode(self.text.encode(), type=dict[str, Raw] | list[Raw])
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise DataError(f"{self.path} is not whole JSON: {self.explain(error)}") from error

    def explain(self, error: Exception) -> str:
        """Say what is wrong with JSON; Python writes NaN, which JSON does not have."""
        place = str(error).rpartition("(byte ")[2].rstrip(")")
        if place.isdigit():
            here = self.text.encode()[int(place) :][:9].decode("utf-8", "replace")
            for word in ("NaN", "Infinity", "-Infinity"):
                if here.startswith(word):
                    return f"{word} (byte {place}) is not JSON; write the value or remove its entry"
        return f"{error}; repair the file"

    def _read(self, most: int) -> bytes:
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):
                raise DataError(f"{self.path} is not a regular file; name a file or a folder")
            with self.path.open("rb") as file:
                content = file.read(most)
            if not content.startswith(GZIP):
                return content
            with gzip.open(self.path) as file:
                return file.read(most)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{self.path} cannot be read: {reason}; name another file") from error


def _decode(content: bytes, path: Path, *, final: bool = True) -> str:
    """Decode text; unless it is ``final``, its last character may be cut."""
    encoding = "utf-8-sig"
    if content.startswith(UTF_16) and not content.startswith(UTF_32):
        encoding = "utf-16"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(content, final)
    except UnicodeDecodeError as error:
        name = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise DataError(
            f"{path} is not {name} text, byte {error.start} is {content[error.start]:#04x}; "
            "save it as UTF-8"
        ) from error
    if "\0" in text:
        raise DataError(f"{path} is not text, it contains zero bytes; save it as UTF-8 text")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\n\ufeff", "\n")  # of files that were appended to others
