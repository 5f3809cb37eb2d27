"""Read the lines of text files."""

import io
from pathlib import Path

from tushuo.errors import DataError


def read_lines(path: Path) -> list[str]:
    r"""Read UTF-8 text, with or without a byte order mark; lines keep their ``\n``.

    ``str.splitlines`` would also split at U+2028 and others, which may occur inside a caption.

    Raises:
        DataError: the file has another encoding, or is not text.
    """
    try:
        return list(io.StringIO(path.read_text(encoding="utf-8-sig")))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text, byte {error.start} is {error.object[error.start]:#04x}; "
            "save it as UTF-8"
        ) from error
