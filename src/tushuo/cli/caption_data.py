"""Read DATA for a command, and print which files were used."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tushuo.data.record import Record


def read_records(data: Path, images: Path | None, language: Literal["en", "zh"]) -> "list[Record]":
    """Read DATA; for a folder, print in one line what was read and what was passed over."""
    from tushuo.data import read_files
    from tushuo.data.describe import describe_briefly
    from tushuo.runtime import processes

    reading = read_files(data, images=images, language=language)
    if data.is_dir() and processes()[0] == 0:
        print(f"tushuo: {describe_briefly(reading)}", file=sys.stderr)
    return reading.records
