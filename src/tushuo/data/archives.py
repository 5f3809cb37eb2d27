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
    SPLIT,
    caption_columns,
    first_column,
    is_address,
    normalise,
)
from tushuo.data.content import GZIP, Content
from tushuo.data.entry import Entry
from tushuo.data.json_rows import texts_of
from tushuo.data.split_names import parse_split
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


def is_zip(content: Content) -> bool:
    """Recognise a zip file, such as a spreadsheet."""
    return content.head.startswith(b"PK\x03\x04")


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
        columns = _ParquetColumns(file.schema_arrow.names, content.path)
        if pyarrow.types.is_string(file.schema_arrow.field(columns.image).type):
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
    """Yield the samples of a tar: members that follow each other and have the same key."""
    key = ""
    parts: dict[str, bytes] = {}
    try:
        mode: Literal["r:", "r:gz"] = "r:gz" if _is_compressed(path) else "r:"
        with tarfile.open(path, mode) as archive:
            for member in archive:
                if not member.isfile():
                    continue
                place, slash, name = member.name.rpartition("/")
                own, _, ending = name.partition(".")
                if f"{place}{slash}{own}" != key:
                    yield from _sample(path, key, parts)
                    key, parts = f"{place}{slash}{own}", {}
                parts[ending.lower()] = _content_of(archive, member, path)
        yield from _sample(path, key, parts)
        if not _has_end(path):
            raise DataError(f"{path} is a damaged tar file: its end is missing; copy it again")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{path} is a damaged tar file: {error}; copy it again") from error


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


def _sample(path: Path, key: str, parts: dict[str, bytes]) -> Iterator[Packed]:
    endings = [ending for ending in parts if f".{ending}" in EXTENSIONS]
    captions = next(filter(None, (_texts(path, key, parts, kind) for kind in TEXTS)), ())
    if endings and captions:
        ending = endings[0]
        yield Packed(name=f"{key}.{ending}", content=parts[ending], captions=captions)


def _texts(path: Path, key: str, parts: dict[str, bytes], kind: str) -> tuple[str, ...]:
    """Return the captions of one member of a sample; the empty tuple if it has none."""
    if kind not in parts:
        return ()
    try:
        text = parts[kind].decode("utf-8-sig")
        if kind != "json":
            return tuple(line.strip() for line in text.splitlines() if line.strip())
        item = msgspec.json.decode(text, type=dict[str, Any])
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise DataError(f"{path}: {key}.{kind} cannot be read: {error}; repair it") from error
    names = [normalise(name) for name in item]
    values = list(item.values())
    return tuple(texts_of([values[place] for place in caption_columns(names)]) or ())


class _ParquetColumns:
    """The columns of a parquet file that are read."""

    def __init__(self, names: list[str], path: Path):
        known = [normalise(name) for name in names]
        image, captions = first_column(known, (*IMAGE, *ADDRESS)), caption_columns(known)
        split = first_column(known, SPLIT)
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
        return parse_split(str(value), f"{self.path}, row {number}") if value else None


def _rows(file: Any, columns: _ParquetColumns) -> Iterator[tuple[int, dict[str, Any]]]:
    used = [columns.image, *columns.captions, *([columns.split] if columns.split else [])]
    number = 0
    for batch in file.iter_batches(batch_size=ROWS, columns=used):
        for row in batch.to_pylist():
            number += 1
            yield number, row


def _named(numbered: tuple[int, dict[str, Any]], columns: _ParquetColumns) -> Entry:
    number, row = numbered
    name = row[columns.image]
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
