"""The files below a data folder: pictures, and others that may be caption data."""

import os
import unicodedata
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from tushuo.errors import DataError
from tushuo.pictures.finding import EXTENSIONS

MAX_FILES = 5_000_000
IGNORED = {"__MACOSX", "Thumbs.db", "desktop.ini"}


def is_ignored(name: str) -> bool:
    """Return whether a system wrote the file beside the user's: ``._a.csv``, ``.DS_Store``."""
    return name.startswith(".") or name in IGNORED


def comparable(name: str) -> str:
    """Return a name as names are compared: in lower case; macOS stores accents as characters."""
    return unicodedata.normalize("NFC", name).lower()


class Listing:
    """The files below a folder, read when they are used first.

    Links to folders are followed, each folder once. Files that systems add are ignored.
    """

    def __init__(self, root: Path):
        self.root = root

    @cached_property
    def folders(self) -> list[tuple[Path, list[str]]]:
        """Every folder with the names of its files, nearest to the root first.

        Raises:
            DataError: there are more than ``MAX_FILES``.
        """
        found = sorted(self._walk(), key=lambda pair: (len(pair[0].parts), pair[0]))
        return [(folder, sorted(names)) for folder, names in found]

    @cached_property
    def pictures(self) -> list[Path]:
        """Files with the ending of a picture."""
        return [
            folder / name
            for folder, names in self.folders
            for name in names
            if os.path.splitext(name)[1].lower() in EXTENSIONS
        ]

    @cached_property
    def by_name(self) -> dict[str, list[Path]]:
        """Pictures by their `comparable` name, and by this name without its ending."""
        index: dict[str, list[Path]] = {}
        for path in self.pictures:
            for key in dict.fromkeys((comparable(path.name), comparable(path.stem))):
                index.setdefault(key, []).append(path)
        return index

    def _walk(self) -> Iterator[tuple[Path, list[str]]]:
        seen: set[tuple[int, int]] = set()
        count = 0
        closed: list[OSError] = []
        for folder, inside, names in os.walk(self.root, onerror=closed.append, followlinks=True):
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                inside.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            inside[:] = sorted(name for name in inside if not is_ignored(name))
            count += len(names)
            if count > MAX_FILES:
                raise DataError(
                    f"{self.root} has more than {MAX_FILES} files; name a caption file, and the "
                    "folder of its pictures with --images"
                )
            yield Path(folder), [name for name in names if not is_ignored(name)]
        if closed:
            warnings.warn(
                f"folders that cannot be read are passed over: {len(closed)}, such as "
                f"{closed[0].filename} ({closed[0].strerror})",
                stacklevel=3,
            )
