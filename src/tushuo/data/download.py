"""MS-COCO from its own addresses: fetched, checked, unpacked; each step goes on after a kill.

``coco2014`` becomes ``annotations/captions_train2014.json`` and so on, and the pictures
``images/train2014`` and ``images/val2014``, where ``read`` finds them. An archive is unpacked
beside its place and renamed when it is whole, then deleted.
"""

import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tushuo.errors import FetchError
from tushuo.fetch import WAIT_SECONDS, Fetched, fetch
from tushuo.runtime import Progress, atomic_write, free_bytes

OFFICIAL = "http://images.cocodataset.org"
GROWN = 4  # captions unpack to about this many times their archive


@dataclass(frozen=True)
class Archive:
    """A zip file and what becomes of it.

    Attributes:
        file: where it is fetched from.
        folder: where its content comes to lie, below the data folder; the zip holds one folder of
            the same name.
        pictures: holds pictures, which ``captions_only`` leaves out.
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
    """Return the same archives at another address, laid out as the official one."""
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
    """Fetch and unpack what is not there yet.

    Args:
        archives: of ``DATASETS``, or others of the same form.
        folder: where everything comes to lie.
        captions_only: leave out the pictures.
        progress: given what is being done, returns what is told bytes done and in all.
        wait: seconds before a broken connection is tried again.

    Raises:
        FetchError: no connection, no room, or an archive that is not the right one.
    """
    wanted = [a for a in archives if not (captions_only and a.pictures)]
    missing = [archive for archive in wanted if not (folder / archive.folder).is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    _require_room(missing, folder)
    for archive in wanted:
        packed = folder / archive.file.name
        if archive in missing:
            fetch(archive.file, packed, progress=progress(archive.file.name), wait=wait)
            told = progress(f"unpack {archive.file.name}")
            unpack(packed, folder / archive.folder, progress=told)
        packed.unlink(missing_ok=True)


def unpack(packed: Path, folder: Path, *, progress: Progress) -> None:
    """Unpack the one folder of a zip file to ``folder``, which is there only when it is whole.

    A file that an earlier call finished is left as it is; a kill costs the file at hand.

    Raises:
        FetchError: it is damaged, wants to write elsewhere, or the disk is full.
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
                        shutil.copyfileobj(source, file)  # compares the checksum at its end
                done += member.file_size
                progress(done, total)
    except zipfile.BadZipFile as error:
        packed.unlink()
        raise FetchError(
            f"{packed} is damaged: {error}; it was deleted, give the same command again"
        ) from error
    except OSError as error:
        raise FetchError(
            f"{packed} cannot be unpacked: {error}; make room, then give the same command again"
        ) from error
    part.mkdir(parents=True, exist_ok=True)  # an empty archive
    part.replace(folder)


def _inside(name: str, top: str, packed: Path) -> Path:
    """Return a member's path below the top folder; refuse one that would lie elsewhere."""
    parts = PurePosixPath(name).parts
    if len(parts) < 2 or parts[0] != top or ".." in parts or "\\" in name:
        raise FetchError(
            f"{packed} holds {name!r}, which does not belong into {top}/; it is not the right "
            "archive, nothing of it was kept"
        )
    return Path(*parts[1:])


def _require_room(archives: Sequence[Archive], folder: Path) -> None:
    """Refuse what cannot fit: all that is unpacked, and the largest archive beside it."""
    sizes = [((archive.file.size or 0), 1 if archive.pictures else GROWN) for archive in archives]
    needed = sum(size * grown for size, grown in sizes) + max(
        (size for size, _ in sizes), default=0
    )
    held = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and _begun(file))
    free = free_bytes(folder) + held
    if needed > free:
        raise FetchError(
            f"{needed / 1e9:.1f} GB are wanted at {folder} for the archives and what is in them, "
            f"and {free / 1e9:.1f} GB are free; make room or choose another folder"
        )


def _begun(file: Path) -> bool:
    return file.suffix in (".part", ".zip") or any(p.name.endswith(".part") for p in file.parents)
