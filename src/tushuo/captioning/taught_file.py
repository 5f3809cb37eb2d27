"""The file of a teacher's captions, to which a killed command only appends.

OUTPUT has one JSON object a line for each photograph with captions, in the form that every command
reads as data; OUTPUT.left_out has one for each photograph without. Each line is written at once and
never changed, so what a killed process leaves is complete but for its last line, which is dropped.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

import msgspec

from tushuo.errors import DataError
from tushuo.runtime import naming, only_writer, readable
from tushuo.signatures import require_same


class TaughtRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A photograph and its captions.

    Attributes:
        image: path of the photograph, relative to the file's folder where it can be.
        captions: best first.
        mean_log_probs: mean log-probability of each caption's words, in nats.
        confidence: that of the best caption.
        dropped: number of captions that were dropped for each reason.
        teacher: name of the captioner.
        license: terms of the captioner, which its captions inherit.
        signature: the captioner, its weights, the search and the filters.
    """

    image: str
    captions: tuple[str, ...]
    mean_log_probs: tuple[float, ...] | None = None
    confidence: float | None = None
    dropped: dict[str, int] = {}
    teacher: str
    license: str
    signature: str


class LeftOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A photograph without captions.

    Attributes:
        image: as in `TaughtRow`.
        reason: why it was left out, in words that can be counted.
        detail: the error, or the best caption that was not kept.
        dropped: as in `TaughtRow`.
        signature: as in `TaughtRow`.
    """

    image: str
    reason: str
    detail: str = ""
    dropped: dict[str, int] = {}
    signature: str


BEGINNING = b'{"image":"'  # of each line, by which an incomplete one is recognised


@final
class TaughtFile:
    """The two files, open for appending; `open_taught` makes it.

    Attributes:
        done: names of the photographs that are in one of the files.
        photographs: number of photographs with captions.
        captions: number of captions.
        left_out: number of photographs left out, by reason.
        dropped: number of captions dropped, by reason.
    """

    def __init__(self, output: Path, signature: str):
        self._paths: dict[type[TaughtRow | LeftOut], Path]
        self._paths = {TaughtRow: output, LeftOut: left_out_path(output)}
        self.done: set[str] = set()
        self.photographs = self.captions = 0
        self.left_out, self.dropped = Counter[str](), Counter[str]()
        for kind, path in self._paths.items():
            for row in _read(path, kind):
                require_same(
                    row.signature,
                    signature,
                    what=f"the captions in {output} and these",
                    cure="use the same teacher, search and filters, or another --output",
                )
                self._count(row)
        for path in self._paths.values():
            _cut_incomplete_line(path)

    def add(self, row: TaughtRow | LeftOut) -> None:
        """Append a photograph.

        Raises:
            OSError: it cannot be written.
        """
        path = self._paths[type(row)]
        with naming(path), path.open("ab") as file:
            file.write(msgspec.json.encode(row) + b"\n")
        self._count(row)

    def _count(self, row: TaughtRow | LeftOut) -> None:
        self.done.add(row.image)
        self.dropped.update(row.dropped)
        if isinstance(row, TaughtRow):
            self.photographs += 1
            self.captions += len(row.captions)
        else:
            self.left_out[row.reason] += 1


@contextmanager
def open_taught(output: Path, signature: str) -> Iterator[TaughtFile]:
    """Open the files of a teacher, new ones or those of a command that was stopped.

    Raises:
        DataError: they are no files of ``tushuo teach``, or another process writes them.
        SignatureError: they are of another teacher, search or filters.
    """
    if output.is_dir():
        raise DataError(f"{output} is a folder; name a file for --output, such as captions.jsonl")
    with only_writer(output.absolute().parent, DataError):
        yield TaughtFile(output, signature)


def left_out_path(output: Path) -> Path:
    """Return the file of photographs without captions; its extension is none of caption data."""
    return output.with_name(f"{output.name}.left_out")


def name_beside(path: Path, output: Path) -> str:
    """Return a photograph's path from the folder of a file, or its absolute path on another drive.

    Bytes of the name that are not UTF-8 are escaped.
    """
    folder, path = output.absolute().parent, path.absolute()
    if path.is_relative_to(folder):
        return readable(path.relative_to(folder).as_posix())
    try:  # ".." leaves the folder that a link leads to, so links are resolved first
        relative = os.path.relpath(path.parent.resolve() / path.name, folder.resolve())
    except ValueError:  # of Windows
        return readable(path.as_posix())
    return readable(Path(relative).as_posix())


def _read(path: Path, kind: type[TaughtRow | LeftOut]) -> list[TaughtRow | LeftOut]:
    """Read the complete lines of a file.

    Raises:
        DataError: a line is of another form, or the only one, which is incomplete.
    """
    content = path.read_bytes() if path.exists() else b""
    whole = content[: _whole_bytes(content)]
    rows: list[TaughtRow | LeftOut] = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            rows.append(msgspec.json.decode(line, type=kind))
        except msgspec.DecodeError as error:
            raise DataError(
                f"{path}, line {number} was not written by tushuo teach: {error}; name another "
                "--output, or remove the line"
            ) from error
    if not rows and content[: len(BEGINNING)] != BEGINNING[: len(content)]:
        raise DataError(f"{path} was not written by tushuo teach; name another --output")
    return rows


def _cut_incomplete_line(path: Path) -> None:
    content = path.read_bytes() if path.exists() else b""
    if _whole_bytes(content) < len(content):
        with naming(path), path.open("r+b") as file:
            file.truncate(_whole_bytes(content))


def _whole_bytes(content: bytes) -> int:
    """Return the length of the complete lines."""
    return content.rfind(b"\n") + 1
