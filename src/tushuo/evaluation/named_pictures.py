"""Find the pictures in a folder that captions name by ids or file names."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from tushuo.data.record import Record
from tushuo.errors import DataError
from tushuo.metrics.picture_ids import bare_id, list_pictures
from tushuo.pictures.finding import find_pictures


def find_by_ids(ids: Iterable[str], folder: Path) -> list[Record]:
    """Find the picture of each id anywhere below a folder; the records have no captions.

    An id is the path of a picture below the folder, its name, or its name without extension,
    COCO's prefix and zero-padding: ``1`` is ``val/COCO_val2014_000000000001.jpg``.

    Raises:
        DataError: there is no such folder, or an id has no picture or several.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; name the folder of the pictures by --images")
    by_bare: dict[str, list[Path]] = {}
    for path in find_pictures([str(folder)]):
        by_bare.setdefault(bare_id(path.name), []).append(path)
    candidates = {name: _closest(name, by_bare.get(bare_id(name), [])) for name in ids}
    if missing := [name for name, paths in candidates.items() if not paths]:
        raise DataError(
            f"{folder} has no picture for {list_pictures(missing)}; expected files named as the "
            "ids, with or without extension, COCO's prefix and zero-padding"
        )
    if several := {name: paths for name, paths in candidates.items() if len(paths) > 1}:
        name, paths = next(iter(several.items()))
        places = " and ".join(map(str, paths[:2]))
        raise DataError(
            f"{list_pictures([*several])} could be several pictures: {name} is {places}; name a "
            "folder that has one of them, or use their paths as ids"
        )
    return [Record(image_id=name, path=path, captions=()) for name, (path,) in candidates.items()]


def _closest(name: str, paths: list[Path]) -> list[Path]:
    """Return those of the paths that end in the id, or else in its file name; else all."""
    parts = PurePosixPath(name.strip().replace("\\", "/")).parts
    for ending in (parts, parts[-1:]):
        exact = [path for path in paths if ending and path.parts[-len(ending) :] == ending]
        if exact:
            return exact
    return paths
