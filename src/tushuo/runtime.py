"""The border to the machine: atomic writes, hashes, the cache folder.

Every file that another stage reads is written under a temporary name and renamed, so a reader sees
the old content or the new one, never half of it.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

Progress = Callable[[int, int], None]
"""Told how much is done and how much there is in all, 0 while that is unknown."""


@contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` only when the block ends without an error.

    With ``durable`` it outlives a power cut too; without, only a killed process.

    Raises:
        OSError: it cannot be written; its ``filename`` is ``path``, on a full disk too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    with atomic_write(path) as file:
        file.write(content)


def sha256(content: bytes | Path) -> str:
    """Hash bytes, or a file's content, to 64 hex digits."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``$TUSHUO_CACHE``, or the user's cache."""
    named = os.environ.get("TUSHUO_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    folder = Path(named) if named else (Path(base) if base else Path.home() / ".cache") / "tushuo"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk that a folder is on, or will be on."""
    there = next(parent for parent in [folder, *folder.resolve().parents] if parent.exists())
    return shutil.disk_usage(there).free


def processes() -> tuple[int, int]:
    """Return this process's number and how many there are, as torchrun tells them."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
