"""Read picture files and file objects into memory, no more than the limit."""

import os
import stat
from pathlib import Path
from typing import Protocol, runtime_checkable

from tushuo.errors import PictureError
from tushuo.pictures.finding import describe_folder

MAX_BYTES = 200_000_000


@runtime_checkable
class Readable(Protocol):
    """A file object."""

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes."""
        ...


def read_file(path: Path) -> bytes:
    """Read a picture file, at most one byte beyond the limit.

    Raises:
        PictureError: it is not a file, cannot be read, or changes while it is read.
    """
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # reading one may never end
            raise PictureError(
                f"{path} is a pipe, a socket or a device; name a file, or pass - and pipe the "
                "picture into standard input"
            )
        with path.open("rb") as file:
            before = os.fstat(file.fileno()).st_size
            content = file.read(MAX_BYTES + 1)
            after = os.fstat(file.fileno()).st_size
    except PictureError:
        raise
    except FileNotFoundError as error:
        raise PictureError(f"{path} does not exist; name an existing picture file") from error
    except IsADirectoryError as error:
        raise PictureError(f"{path} is a folder{describe_folder(path)}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PictureError(
            f"{path} cannot be read: {reason}; name another file, or change its permissions"
        ) from error
    if before != after or len(content) != min(after, MAX_BYTES + 1):
        raise PictureError(
            f"{path} had {before} bytes, and {max(after, len(content))} after it was read; wait "
            "until it is written completely"
        )
    return content


def read_stream(file: Readable) -> bytes:
    """Read a picture from a file object, at most one byte beyond the limit.

    Raises:
        PictureError: the file is opened in text mode or cannot be read.
    """
    content = bytearray()
    try:
        while len(content) <= MAX_BYTES:  # pipes and sockets return less than was asked for
            part = file.read(MAX_BYTES + 1 - len(content))
            if isinstance(part, str):
                raise PictureError("the file object returns text; open it in binary mode ('rb')")
            if not part:
                break
            content += part
    except PictureError:
        raise
    except UnicodeDecodeError as error:
        raise PictureError("the file object decodes text; open it in binary mode ('rb')") from error
    except Exception as error:  # file objects of other libraries raise errors of their own
        raise PictureError(f"the picture cannot be read from the file object: {error}") from error
    return bytes(content)
