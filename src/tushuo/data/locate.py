"""Locate pictures by the names that caption data gives them.

A name is tried below the folder of the pictures (``images``), or beside the caption file, in
``images/`` beside it, and in both places of the data folder. Otherwise the picture of this name is
searched anywhere below these folders: the one in the folder that the name or the split states, or
the only one.
"""

import os
import warnings
from pathlib import Path

from tushuo.data.entry import Entry
from tushuo.data.listing import Listing, comparable
from tushuo.data.split_names import split_of_folder
from tushuo.pictures.finding import EXTENSIONS

SHOWN = 2


class Locator:
    """Finds the pictures of one caption file.

    Args:
        file: the caption file.
        listing: the files below the data folder.
        images: folder of the pictures, if the user names one.
    """

    def __init__(self, file: Path, listing: Listing, images: Path | None):
        beside, root = file.parent, listing.root
        places = [images] if images else [beside, beside / "images", root, root / "images"]
        self._places = list(dict.fromkeys(place for place in places if place.is_dir()))
        has_images = not images and (beside / "images").is_dir()
        self._default = images or (beside / "images" if has_images else beside)
        self._listing = Listing(images) if images else listing
        self._named = file.stem.lower()
        self.ambiguous: dict[str, list[Path]] = {}

    def find(self, entry: Entry) -> Path:
        """Return a picture's path; where there is none, the path at which it was expected."""
        name = entry.name.strip()
        for written in dict.fromkeys((name, slashed(name))):
            for place in self._places:
                path = place / written
                if _is_file(path):
                    return path
        name = slashed(name)
        key = comparable(name.rpartition("/")[2])
        found = self._listing.by_name.get(key, [])
        if os.path.splitext(key)[1] in EXTENSIONS:
            found = [path for path in found if comparable(path.name) == key]
        best = self._choose(found, name, entry)
        if best:
            return best
        return self._default / name.lstrip("/")

    def warn(self) -> None:
        """Warn about names that fit several pictures."""
        if not self.ambiguous:
            return
        name, paths = next(iter(self.ambiguous.items()))
        places = " and ".join(str(path) for path in paths[:SHOWN])
        warnings.warn(
            f"names that fit several pictures count as missing: {len(self.ambiguous)}, such as "
            f"{name} ({places}); name the folder of the pictures with --images",
            stacklevel=3,
        )

    def _choose(self, found: list[Path], name: str, entry: Entry) -> Path | None:
        """Choose the picture whose folders agree best with the name, then with the split."""
        if len(found) < 2:
            return found[0] if found else None
        folders = name.lower().split("/")[:-1][::-1]

        def agreement(path: Path) -> tuple[int, bool, bool]:
            own = [part.lower() for part in path.parent.parts][::-1]
            shared = next((n for n, (a, b) in enumerate(zip(own, folders, strict=False)) if a != b),
                          min(len(own), len(folders)))  # fmt: skip
            named = self._named.endswith(own[0]) if own else False
            return shared, named, bool(entry.split) and split_of_folder(own[0]) == entry.split

        scores = {path: agreement(path) for path in found}
        best = [path for path in found if scores[path] == max(scores.values())]
        if len(best) > 1:
            self.ambiguous[name] = best
            return None
        return best[0]


def slashed(name: str) -> str:
    r"""Return a name with ``/`` between folders: Windows writes ``photos\a.jpg``."""
    drive_less = name[2:] if name[1:3] == ":\\" else name
    return drive_less.replace("\\", "/").removeprefix("./")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # names that no file can have
        return False
