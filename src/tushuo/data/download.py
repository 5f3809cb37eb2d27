"""Download MS-COCO, verify and unpack it; each step can be resumed.

``coco2014`` becomes ``annotations/captions_train2014.json`` and so on, and the pictures
``images/train2014`` and ``images/val2014``, where ``read`` finds them. An archive is unpacked into
a temporary folder, which is renamed when it is complete; then the archive is deleted.
"""

import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tushuo.errors import FetchError
from tushuo.fetch import WAIT_SECONDS, Fetched, fetch
from tushuo.runtime import Progress, atomic_write, format_bytes, free_bytes

OFFICIAL = "http://images.cocodataset.org"
EXPANSION = 4  # approximate size of unpacked captions, relative to their archive


@dataclass(frozen=True)
class Archive:
    """A zip file and where it is unpacked.

    Attributes:
        file: the file to download.
        folder: folder of its content, below the data folder; the zip contains one folder of the
            same name.
        pictures: whether it contains pictures, which ``captions_only`` skips.
    """

    file: Fetched
    folder: str
    pictures: bool = True


def _coco(name: str, md5: str, size: int) -> Archive:
    kind = "annotations" if name.startswith("annotations") else "zips"
    folder = "annotations" if kind == "annotations" else f"images/{name}"
    file = Fetched(f"{OFFICIAL}/{kind}/{name}.zip", f"md5:{md5}", size)
    return Archive(file, folder, pictures=kind == "zips")


DATASETS: dict[str, tuple[Archive, ...]] = {
    "coco2014": (
        _coco("annotations_trainval2014", "0a379cfc70b0e71301e0f377548639bd", 252_872_794),
        _coco("val2014", "a3d79f5ed8d289b7a7554ce06a5782b3", 6_645_013_297),
        _coco("train2014", "0da8c0bd3d6becc4dcb32757491aca88", 13_510_573_713),
    ),
    "coco2017": (
        _coco("annotations_trainval2017", "f4bbac642086de4f52a3fdda2de5fa2c", 252_907_541),
        _coco("val2017", "442b8da7639aecaf257c1dceb8ba8c80", 815_585_330),
        _coco("train2017", "cced6f7f71b7629ddf16f17bbcfab6b2", 19_336_861_798),
    ),
}


def at_mirror(archives: Sequence[Archive], address: str) -> list[Archive]:
    """Return the same archives at a mirror with the official layout."""
    return [
        replace(
            archive,
            file=replace(
                archive.file, address=archive.file.address.replace(OFFICIAL, address.rstrip("/"))
            ),
        )
        for archive in archives
    ]


def download(
    archives: Sequence[Archive],
    folder: Path,
    *,
    captions_only: bool = False,
    progress: Callable[[str], Progress] = lambda name: lambda done, total: None,
    wait: float = WAIT_SECONDS,
) -> None:
    """Download and unpack what does not exist yet.

    Args:
        archives: archives of ``DATASETS``, or others of the same structure.
        folder: data folder.
        captions_only: skip the pictures.
        progress: given the name of a step, returns its progress callback, in bytes.
        wait: seconds before a broken connection is retried.

    Raises:
        FetchError: no connection, too little disk space, or a wrong archive.
    """
    selected = [a for a in archives if not (captions_only and a.pictures)]
    missing = [archive for archive in selected if not (folder / archive.folder).is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    _require_space(missing, folder)
    for archive in selected:
        packed = folder / archive.file.name
        if archive in missing:
            fetch(archive.file, packed, progress=progress(archive.file.name), wait=wait)
            callback = progress(f"unpack {archive.file.name}")
            unpack(packed, folder / archive.folder, progress=callback)
        packed.unlink(missing_ok=True)


def unpack(packed: Path, folder: Path, *, progress: Progress) -> None:
    """Unpack the only folder of a zip file to ``folder``, which exists only once it is complete.

    Files that an earlier call finished are kept.

    Raises:
        FetchError: the archive is damaged or has paths outside the folder, or the disk is full.
    """
    part = folder.with_name(f".{folder.name}.part")
    try:
        with zipfile.ZipFile(packed) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            total = sum(member.file_size for member in members)
            done = 0
            for member in members:
                path = part / _inside(member.filename, folder.name, packed)
                if not (path.exists() and path.stat().st_size == member.file_size):
                    with archive.open(member) as source, atomic_write(path, durable=False) as file:
                        shutil.copyfileobj(source, file)  # verifies the checksum at its end
                done += member.file_size
                progress(done, total)
    except FetchError:
        raise
    except zipfile.BadZipFile as error:
        packed.unlink()
        raise FetchError(
            f"{packed} is damaged: {error}; it was deleted, repeat the same command"
        ) from error
    except OSError as error:
        raise FetchError(
            f"{packed} cannot be unpacked: {error}; free disk space, then repeat the same command"
        ) from error
    part.mkdir(parents=True, exist_ok=True)  # an empty archive
    part.replace(folder)


def _inside(name: str, top: str, packed: Path) -> Path:
    """Return a member's path below the top folder; refuse paths outside it."""
    parts = PurePosixPath(name).parts
    if len(parts) < 2 or parts[0] != top or ".." in parts or "\\" in name:
        raise FetchError(
            f"{packed} contains {name!r}, which is outside {top}/; it is not the expected archive, "
            "and nothing of it was kept"
        )
    return Path(*parts[1:])


def _require_space(archives: Sequence[Archive], folder: Path) -> None:
    """Refuse what does not fit on the disk: everything unpacked, and the largest archive."""
    sizes = [
        ((archive.file.size or 0), 1 if archive.pictures else EXPANSION) for archive in archives
    ]
    needed = sum(size * factor for size, factor in sizes) + max(
        (size for size, _ in sizes), default=0
    )
    reusable = sum(
        file.stat().st_size for file in folder.rglob("*") if file.is_file() and _is_partial(file)
    )
    free = free_bytes(folder) + reusable
    if needed > free:
        raise FetchError(
            f"{format_bytes(needed)} are required at {folder} for the archives and their content, "
            f"but {format_bytes(free)} are free; free disk space or choose another folder"
        )


def _is_partial(file: Path) -> bool:
    return file.suffix in (".part", ".zip") or any(p.name.endswith(".part") for p in file.parents)
