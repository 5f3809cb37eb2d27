"""Archives that contain pictures and captions: WebDataset tars and parquet files.

- WebDataset: ``KEY.jpg`` with ``KEY.caption``, ``KEY.txt``, or ``KEY.json`` with a caption.
- parquet, as the datasets library writes it: a column of pictures, as bytes or ``{"bytes",
  "path"}``, and columns of captions by the names of tables. It requires pyarrow.

A parquet file without pictures is a table of their names.
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from tushuo.data.columns import (
    ADDRESS,
    IMAGE,
    caption_columns,
    first_column,
    is_address,
    normalise,
    split_column,
    split_of_cell,
)
from tushuo.data.content import GZIP, Content
from tushuo.data.entry import Entry
from tushuo.data.json_rows import captions_of, texts_of
from tushuo.data.listing import is_ignored
from tushuo.data.table import ADVICE
from tushuo.data.unpack import Packed, unpack
from tushuo.errors import DataError, MissingPartError
from tushuo.pictures.finding import EXTENSIONS

MAX_PICTURE_BYTES = 200_000_000
MAX_TEXT_BYTES = 1_000_000
TEXTS = ("caption", "txt", "json")  # in order of preference
END_BYTES = 1024  # of zeros, by the standard
ROWS = 64  # of a parquet file in memory at a time


def is_tar(content: Content) -> bool:
    """Recognise a tar file, compressed by gzip or not."""
    return content.head[257:262] == b"ustar"


def is_parquet(content: Content) -> bool:
    """Recognise a parquet file."""
    return content.head.startswith(b"PAR1")


def read_tar(content: Content) -> list[Entry]:
    """Read a WebDataset tar; its pictures are unpacked.

    Raises:
        DataError: it is damaged, or has no pictures with captions.
    """
    return _read(content.path, _packed_in_tar)


def read_parquet(content: Content) -> list[Entry]:
    """Read a parquet file; its pictures, if it has any, are unpacked.

    Raises:
        DataError: it is damaged, or has no columns of pictures and captions.
        MissingPartError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingPartError(
            f"{content.path} requires pyarrow; install it with: pip install 'tushuo[parquet]'"
        ) from error
    try:
        file = parquet.ParquetFile(content.path)
        types = {field.name: field.type for field in file.schema_arrow}
        numbers = {name for name, kind in types.items() if pyarrow.types.is_integer(kind)}
        columns = _ParquetColumns(list(types), numbers, content.path)
        kind = types[columns.image]
        if columns.image in numbers or any(
            is_text(kind)
            for is_text in (
                pyarrow.types.is_string,
                pyarrow.types.is_large_string,
                pyarrow.types.is_dictionary,
            )
        ):
            return [_named(row, columns) for row in _rows(file, columns)]
        return _read(content.path, lambda path: _packed_in_parquet(file, columns))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(
            f"{content.path} is a damaged parquet file: {error}; copy it again"
        ) from error


def _read(path: Path, read: Any) -> list[Entry]:
    folder, pictures = unpack(path, read)
    if not pictures:
        raise DataError(
            f"{path} has no pictures with captions beside them; unpack it and name the folder"
        )
    return [
        Entry(
            name=str(folder / picture.file),
            captions=picture.captions,
            split=picture.split,
            image_id=picture.name,
        )
        for picture in pictures
    ]


def _packed_in_tar(path: Path) -> Iterator[Packed]:
    """Yield the pictures of a tar; texts are read first, since they may follow at any distance."""
    texts: dict[str, dict[str, tuple[str, ...]]] = {}
    try:
        for archive, member, key, ending in _members(path):
            if ending in TEXTS:
                content = _content_of(archive, member, path)
                texts.setdefault(key, {})[ending] = _texts(path, member.name, content, ending)
        for archive, member, key, ending in _members(path):
            if f".{ending}" in EXTENSIONS:
                own = texts.get(key, {})
                captions = next(filter(None, (own.get(kind) for kind in TEXTS)), ())
                content = _content_of(archive, member, path) if captions else b""
                yield Packed(name=member.name, content=content, captions=captions)
        if not _has_end(path):
            raise DataError(f"{path} is a damaged tar file: its end is missing; copy it again")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{path} is a damaged tar file: {error}; copy it again") from error


def _members(path: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo, str, str]]:
    """Yield the files of a tar, each with its name without ending, and its ending."""
    mode: Literal["r:", "r:gz"] = "r:gz" if _is_compressed(path) else "r:"
    with tarfile.open(path, mode) as archive:
        for member in archive:
            if member.isfile() and not is_ignored(member.name.rpartition("/")[2]):
                key, _, ending = member.name.rpartition(".")
                yield archive, member, key, ending.lower()


def _has_end(path: Path) -> bool:
    """Return whether a tar file ends with its mark, zeros; gzip itself notices what is missing."""
    if _is_compressed(path):
        return True
    with path.open("rb") as file:
        file.seek(-min(END_BYTES, path.stat().st_size), io.SEEK_END)
        return not any(file.read())


def _is_compressed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def _content_of(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    is_picture = f".{member.name.lower().rpartition('.')[2]}" in EXTENSIONS
    most = MAX_PICTURE_BYTES if is_picture else MAX_TEXT_BYTES
    if member.size > most:
        if not is_picture:
            return b""
        raise DataError(f"{path}: {member.name} has {member.size} bytes; at most {most} are read")
    file = archive.extractfile(member)
    content = file.read() if file else b""
    if len(content) < member.size:
        raise DataError(f"{path} is a damaged tar file: {member.name} is cut off; copy it again")
    return content


def _texts(path: Path, name: str, content: bytes, kind: str) -> tuple[str, ...]:
    """Return the captions of one text of a tar; the empty tuple if it has none."""
    try:
        text = content.decode("utf-8-sig")
        if kind != "json":
            return tuple(line.strip() for line in text.splitlines() if line.strip())
        return captions_of(msgspec.json.decode(text or "{}", type=dict[str, Any]))
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise DataError(f"{path}: {name} cannot be read: {error}; repair it") from error


class _ParquetColumns:
    """The columns of a parquet file that are read."""

    def __init__(self, names: list[str], numbers: set[str], path: Path):
        known = [normalise(name) for name in names]
        others = ["" if name in numbers else normalise(name) for name in names]
        image = first_column(others, (*IMAGE, *ADDRESS))
        image = first_column(known, IMAGE) if image is None else image
        captions, split = caption_columns(known), split_column(known)
        if image is None or not captions:
            raise DataError(
                f"{path} has the columns {', '.join(names[:10])}; expected one of pictures, such "
                "as image, and one of captions, such as caption; rename them"
            )
        self.path = path
        self.image = names[image]
        self.captions = [names[place] for place in captions]
        self.split = None if split is None else names[split]

    def captions_of(self, row: dict[str, Any], number: int) -> tuple[str, ...]:
        """Return the captions of a row."""
        texts = texts_of([row[name] for name in self.captions if row[name] is not None])
        if not texts:
            raise DataError(
                f"{self.path}, row {number} has no caption; write it, or remove the row"
            )
        return tuple(texts)

    def split_of(self, row: dict[str, Any], number: int) -> Any:
        """Return the split of a row, or None."""
        value = None if self.split is None else row[self.split]
        return (
            split_of_cell(self.split or "", str(value), f"{self.path}, row {number}")
            if value
            else None
        )


def _rows(file: Any, columns: _ParquetColumns) -> Iterator[tuple[int, dict[str, Any]]]:
    used = [columns.image, *columns.captions, *([columns.split] if columns.split else [])]
    number = 0
    for batch in file.iter_batches(batch_size=ROWS, columns=used):
        for row in batch.to_pylist():
            number += 1
            yield number, row


def _named(numbered: tuple[int, dict[str, Any]], columns: _ParquetColumns) -> Entry:
    number, row = numbered
    value = row[columns.image]
    name = "" if value is None else str(value)
    where = f"{columns.path}, row {number}"
    if not name:
        raise DataError(f"{where} lacks a picture; name its file")
    if is_address(name):
        raise DataError(f"{where}: {name[:60]!r}: {ADVICE}")
    return Entry(
        name=name,
        captions=columns.captions_of(row, number),
        split=columns.split_of(row, number),
    )


def _packed_in_parquet(file: Any, columns: _ParquetColumns) -> Iterator[Packed]:
    for number, row in _rows(file, columns):
        image = row[columns.image]
        content = image.get("bytes") if isinstance(image, dict) else image
        if not isinstance(content, bytes):
            raise DataError(
                f"{columns.path}, row {number}: the picture has no bytes; save the data set with "
                "its pictures"
            )
        name = image.get("path") if isinstance(image, dict) else None
        yield Packed(
            name=str(name or f"{columns.path.stem}-{number}.jpg"),
            content=content,
            captions=columns.captions_of(row, number),
            split=columns.split_of(row, number),
        )
