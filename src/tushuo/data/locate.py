"""Locate pictures by the names that caption data gives them.

A name is tried below the folder of the pictures (``images``), or beside the caption file, in
``images/`` beside it, and in both places of the data folder. Otherwise the picture of this name is
searched anywhere below these folders: the one in the folder that the name or the split states, the
only one, or the first of several copies.
"""

import filecmp
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from tushuo.data.claims import wrong_claims
from tushuo.data.entry import Entry
from tushuo.data.listing import Listing, comparable
from tushuo.data.record import Split
from tushuo.data.split_names import split_in_name
from tushuo.pictures.finding import EXTENSIONS
from tushuo.runtime import readable

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
        self._found: dict[tuple[str, Split | None], Path] = {}
        self.ambiguous: dict[str, list[Path]] = {}
        self.wrong: dict[str, Path] = {}

    def find_all(self, entries: Sequence[Entry]) -> list[Path]:
        """Return each picture's path; where there is none, the path at which it was expected."""
        paths = []
        for entry in entries:
            key = entry.name, entry.split
            if key not in self._found:
                self._found[key] = self._find(entry)
            paths.append(self._found[key])
        names = [slashed(entry.name.strip()) for entry in entries]
        for place in wrong_claims(names, paths):
            self.wrong[names[place]] = paths[place]
            paths[place] = self._expected(names[place])
        return paths

    def _find(self, entry: Entry) -> Path:
        name = entry.name.strip()
        for written in dict.fromkeys((name, slashed(name))):
            for place in self._places:
                path = place / written
                if _is_file(path):
                    return path
        name = slashed(name)
        key = comparable(name.rpartition("/")[2])
        keys = [key]
        if key.isdecimal():  # an id of COCO
            number = key.zfill(12)
            keys += [number, f"coco_train2014_{number}", f"coco_val2014_{number}"]
        found = next(filter(None, (self._listing.by_name.get(one) for one in keys)), [])
        if os.path.splitext(key)[1] in EXTENSIONS:
            found = [path for path in found if comparable(path.name) == key]
        return self._choose(found, name, entry) or self._expected(name)

    def _expected(self, name: str) -> Path:
        return self._default / name.lstrip("/")

    def warn(self) -> None:
        """Warn about names that fit several pictures, and pictures that fit several names."""
        if self.wrong:
            warn_of_wrong(self.wrong)
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
            return shared, named, bool(entry.split) and split_in_name(own[0]) == entry.split

        scores = {path: agreement(path) for path in found}
        best = [path for path in found if scores[path] == max(scores.values())]
        if len(best) > 1 and not _are_copies(best):
            self.ambiguous[name] = best
            return None
        return best[0]


def slashed(name: str) -> str:
    r"""Return a name with ``/`` between folders: Windows writes ``photos\a.jpg``."""
    drive_less = name[2:] if name[1:3] == ":\\" else name
    return drive_less.replace("\\", "/").removeprefix("./")


def warn_of_wrong(pictures: dict[str, Path]) -> None:
    """Warn about names whose picture is missing, although another one of its name was found."""
    name, path = next(iter(pictures.items()))
    warnings.warn(
        f"pictures that are missing, although others have their names: {len(pictures)}, such as "
        f"{readable(name)} ({readable(str(path))} has other captions)",
        stacklevel=4,
    )


def _are_copies(paths: Sequence[Path]) -> bool:
    try:
        return all(filecmp.cmp(paths[0], path, shallow=False) for path in paths[1:])
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # names that no file can have
        return False
