"""Files, hashes, disk space and processes.

Every file that another stage reads is written under a temporary name and renamed, so a reader sees
either the old or the new content, never a part of it.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tushuo.errors import TushuoError

UNITS = ("kB", "MB", "GB", "TB")
Progress = Callable[[int, int], None]
"""Called with the work done and its total, which is 0 while unknown."""


@contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a file that replaces ``path`` only if the block ends without an error.

    With ``durable``, the file survives a power failure; otherwise only a killed process.

    Raises:
        OSError: it cannot be written; its ``filename`` is always ``path``.
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


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name a file in each ``OSError`` of the block that names none, as those of writing do."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # one of the operating system, not of a library
            error.filename = error.filename or str(path)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    with atomic_write(path) as file:
        file.write(content)


@contextmanager
def only_writer(folder: Path, error: type[TushuoError], *, process: int = 0) -> Iterator[None]:
    """Refuse a second process that writes into a folder; a killed one leaves no lock behind.

    Args:
        folder: the folder, which is created.
        error: the error to raise.
        process: number of this process, where several share the work.

    Raises:
        TushuoError: another process writes into the folder.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".lock-{process}"
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as timeout:
        raise error(
            f"another process is writing into {folder}; wait until it ends, or choose another "
            "--output"
        ) from timeout
    try:
        yield
    finally:
        with suppress(PermissionError):  # of Windows, where an open file cannot be removed
            path.unlink()  # while it is held, so that nobody else's is removed
        lock.release()


def sha256(content: bytes | Path) -> str:
    """Return the SHA-256 of bytes or of a file's content, as 64 hex digits."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def readable(name: str) -> str:
    r"""Return a file's name as text to be written: bytes that are not UTF-8 become ``\xe9``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def path_of_readable(name: str) -> Path:
    r"""Return the path that `readable` has written; a file whose name has ``\xe9`` comes first."""
    path = Path(name)
    if "\\x" not in name or path.exists():
        return path
    content = re.sub(
        rb"\\x([89a-f][0-9a-f])", lambda found: bytes([int(found[1], 16)]), name.encode()
    )
    return Path(os.fsdecode(content))


def cache_folder() -> Path:
    """Return the cache folder: ``$TUSHUO_CACHE``, or a folder in the user's cache."""
    named = os.environ.get("TUSHUO_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    folder = Path(named) if named else (Path(base) if base else Path.home() / ".cache") / "tushuo"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def free_bytes(folder: Path) -> int:
    """Return the free space of a folder's disk; the folder need not exist."""
    existing = next(parent for parent in [folder, *folder.resolve().parents] if parent.exists())
    return shutil.disk_usage(existing).free


def format_bytes(count: int | float) -> str:
    """Return a size in the unit that fits it, such as ``12.3 MB``."""
    if count < 1000:
        return f"{count:.0f} bytes"
    size, unit = count / 1000, 0
    while round(size, 1) >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {UNITS[unit]}"


def processes() -> tuple[int, int]:
    """Return this process's number and the number of processes, as set by torchrun."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
