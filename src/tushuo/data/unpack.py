"""Unpack pictures of an archive into the cache folder, once."""

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tushuo.data.record import Split
from tushuo.errors import DataError
from tushuo.runtime import cache_folder, free_bytes, only_writer, sha256, write_bytes

KEPT_FREE = 500_000_000  # bytes of the disk that are never used up
CHECK_EVERY = 500  # pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """One picture of an archive.

    Attributes:
        name: its name in the archive.
        content: the picture file.
        captions: captions as written; without any, the picture is left out.
        split: the archive's own split, if it states one.
    """

    name: str
    content: bytes
    captions: tuple[str, ...]
    split: Split | None = None


class Unpacked(msgspec.Struct):
    """One picture of an archive in the cache folder.

    Attributes:
        name: its name in the archive.
        file: its file, in the folder of the archive.
        captions: captions as written.
        split: the archive's own split, if it states one.
    """

    name: str
    file: str
    captions: tuple[str, ...]
    split: Split | None


class _Listed(msgspec.Struct):
    pictures: list[Unpacked]
    left_out: int


def unpack(path: Path, read: Callable[[Path], Iterator[Packed]]) -> tuple[Path, list[Unpacked]]:
    """Return the folder with an archive's pictures, and the list of them.

    They are unpacked if that has not been done since the archive changed.

    Raises:
        DataError: the archive is damaged, or the disk is full.
    """
    status = path.stat()
    key = sha256(f"{path.resolve()} {status.st_size} {status.st_mtime_ns} 2".encode())[:16]
    folder = cache_folder() / "unpacked" / f"{_safe(path.stem)}-{key}"
    listed = folder / "pictures.json"
    if not listed.is_file():
        with only_writer(folder, DataError):
            made = _Listed([], 0)
            for picture in _write(read(path), folder):
                if picture.captions:
                    made.pictures.append(picture)
                else:
                    made.left_out += 1
            write_bytes(listed, msgspec.json.encode(made))
        warnings.warn(
            f"{path.name}: its pictures were unpacked into {folder}: {len(made.pictures)}",
            stacklevel=3,
        )
    content = msgspec.json.decode(listed.read_bytes(), type=_Listed)
    if content.pictures and content.left_out:
        warnings.warn(
            f"{path.name}: pictures without captions are left out: {content.left_out}",
            stacklevel=3,
        )
    return folder, content.pictures


def _write(pictures: Iterator[Packed], folder: Path) -> Iterator[Unpacked]:
    for number, picture in enumerate(pictures):
        if number % CHECK_EVERY == 0 and free_bytes(folder) < KEPT_FREE:
            raise DataError(
                f"{folder} cannot be filled: less than {KEPT_FREE // 1_000_000} MB of the disk are "
                "free; free some, or set TUSHUO_CACHE to a folder of another disk"
            )
        file = f"{number:06}-{_safe(picture.name)}"
        if picture.captions:
            (folder / file).write_bytes(picture.content)
        yield Unpacked(name=picture.name, file=file, captions=picture.captions, split=picture.split)


def _safe(name: str) -> str:
    """Return a name of a single file without special characters; its end is kept."""
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[-80:]
