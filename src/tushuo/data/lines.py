"""Lines of text files, as the readers want them."""

import io
from pathlib import Path

from tushuo.errors import DataError


def read_lines(path: Path) -> list[str]:
    r"""Read a file of UTF-8 text, with a byte order mark or without; every line with its ``\n``.

    ``str.splitlines`` would end lines at U+2028 and others too, which may stand inside a caption.

    Raises:
        DataError: it is in another encoding, or no text.
    """
    try:
        return list(io.StringIO(path.read_text(encoding="utf-8-sig")))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text, byte {error.start} is {error.object[error.start]:#04x}; "
            "save it as UTF-8"
        ) from error
