"""Fill a feature store: every picture is looked at once, whatever happens in between."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tushuo.data.record import Record
from tushuo.encoders.resize import resize
from tushuo.encoders.spec import Encoder, EncoderSpec
from tushuo.encoders.split_encoder import FineTunedEncoder, save_head
from tushuo.errors import PictureError, StoreError
from tushuo.features.store import FeatureStore, Planned
from tushuo.features.views import PLAIN, VIEWS
from tushuo.pictures.opening import open_picture
from tushuo.runtime import Progress, free_bytes, sha256
from tushuo.signatures import require_same

SHARD_PICTURES = 256
BATCH_PICTURES = 16


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """What came of an extraction.

    Attributes:
        pictures: pictures of the plan.
        made: pictures that this call looked at; the others were there.
        failed: what was wrong, by path, with the pictures that could not be read.
    """

    pictures: int
    made: int
    failed: dict[str, str]


def store_bytes(pictures: int, spec: EncoderSpec, views: int = 1) -> int:
    """Bytes on disk that a store of so many pictures takes (two a number)."""
    return pictures * views * spec.regions * spec.width * 2


def extract(
    records: Sequence[Record],
    encoder: Encoder,
    folder: Path,
    *,
    views: tuple[str, ...] = (PLAIN,),
    process: int = 0,
    processes: int = 1,
    shard_pictures: int = SHARD_PICTURES,
    progress: Progress | None = None,
) -> Extraction:
    """Fill the store in ``folder``, or finish it if it was begun.

    Args:
        records: the pictures; one picture that occurs twice is looked at once.
        encoder: what looks at them.
        folder: where the store is, or will be.
        views: names of `VIEWS`: how each picture is looked at, the plain one first.
        process: number of this process; it makes the shards ``process``, ``process + processes``...
        processes: how many processes share the work.
        shard_pictures: pictures of a shard; what a kill can cost.
        progress: called with pictures done and pictures in all.

    Raises:
        StoreError: the disk is too small, or the folder holds another store.
    """
    unique = {record.image_id: record for record in records}.values()
    plan = [Planned(record.image_id, str(record.path)) for record in unique]
    _require_room(folder, store_bytes(len(plan), encoder.spec, len(views)))
    store = FeatureStore.create(
        folder, plan, encoder.spec, shard_pictures=shard_pictures, views=views
    )
    if isinstance(encoder, FineTunedEncoder):
        save_head(folder, encoder.head.state_dict())
    with ThreadPoolExecutor(1) as reader:  # reads and decodes while the encoder works

        def make(shard: int, tell: Callable[[int], None]) -> None:
            _make_shard(store, shard, encoder, reader, tell)

        return _fill(store, make, process, processes, progress)


def finish(
    grids: FeatureStore,
    encoder: FineTunedEncoder,
    folder: Path,
    *,
    process: int = 0,
    processes: int = 1,
    progress: Progress | None = None,
) -> Extraction:
    """Fill the store in ``folder`` from one of the encoder's lower part: no picture is opened.

    The lower part's numbers come rounded to float16 from their store, so regions differ from those
    of `extract` by as much.

    Args:
        grids: that store, finished; pictures and views are its own.
        encoder: whose upper part makes the regions.
        folder: where the store is, or will be.
        process: number of this process; it makes the shards ``process``, ``process + processes``...
        processes: how many processes share the work.
        progress: called with pictures done and pictures in all.

    Raises:
        SignatureError: the grids are of another encoder, or parted elsewhere.
        StoreError: they are not finished, the disk is too small, or the folder holds another store.
    """
    require_same(
        grids.spec.signature,
        encoder.trunk.spec.signature,
        what="the store's encoder and the lower part of the run's",
        cure="name the store that the run was trained on, or extract from the pictures",
    )
    grids.require_finished()
    _require_room(folder, store_bytes(len(grids.plan), encoder.spec, len(grids.views)))
    store = FeatureStore.create(
        folder,
        grids.plan,
        encoder.spec,
        shard_pictures=grids.header.shard_pictures,
        views=grids.views,
    )
    save_head(folder, encoder.head.state_dict())

    def make(shard: int, tell: Callable[[int], None]) -> None:
        """Send a shard's grids through the upper part; what failed below stays zeros."""
        below, info = grids.of_shard(shard), grids.info(shard)
        regions = np.zeros((*below.shape[:2], *store.grid), np.float16)
        for start in range(0, len(below), BATCH_PICTURES):
            some = torch.from_numpy(below[start : start + BATCH_PICTURES]).float()
            found = encoder.apply_head(some.flatten(0, 1)).half().cpu().numpy()
            regions[start : start + len(some)] = found.reshape(len(some), *regions.shape[1:])
            tell(start + len(some))
        regions[[digest is None for digest in info.hashes]] = 0
        store.write_shard(shard, regions, info.hashes, info.errors)

    return _fill(store, make, process, processes, progress)


def _fill(
    store: FeatureStore,
    make: Callable[[int, Callable[[int], None]], None],
    process: int,
    processes: int,
    progress: Progress | None,
) -> Extraction:
    """Make those of this process's shards that are not finished."""
    mine = range(process, store.shards, processes)
    total = sum(len(store.shard_rows(shard)) for shard in mine)
    done = made = 0

    def tell(before: int, now: int) -> None:
        if progress is not None:
            progress(before + now, total)

    for shard in mine:
        rows = store.shard_rows(shard)
        if not store.finished(shard):
            make(shard, partial(tell, done))
            made += len(rows)
        done += len(rows)
        tell(done, 0)
    failed = {k: v for shard in mine for k, v in store.info(shard).errors.items()}
    return Extraction(pictures=len(store.plan), made=made, failed=failed)


def _require_room(folder: Path, needed: int) -> None:
    """Refuse an extraction that cannot fit on its disk."""
    held = sum(file.stat().st_size for file in folder.glob("shards/*.npy"))
    free = free_bytes(folder) + held
    if needed > free:
        raise StoreError(
            f"the store would take {needed / 1e9:.1f} GB, {folder} has {free / 1e9:.1f} free; "
            "choose another --output, a smaller --encoder, or --max-images"
        )


Look = tuple[Tensor | None, str | None, str | None]  # prepared views, hash, error


def _look(path: Path, spec: EncoderSpec, views: Sequence[str]) -> Look:
    try:
        content = path.read_bytes()
        picture = open_picture(content, at_least=spec.side)
    except (PictureError, OSError) as error:
        return None, None, str(error)
    prepared = torch.stack([resize(VIEWS[view](picture), spec) for view in views])
    return prepared, sha256(content), None


def _make_shard(
    store: FeatureStore,
    shard: int,
    encoder: Encoder,
    reader: ThreadPoolExecutor,
    progress: Callable[[int], None],
) -> None:
    """Look at the pictures of one shard and write it; an unreadable picture leaves zeros."""
    spec, rows = store.spec, store.shard_rows(shard)
    regions = np.zeros((len(rows), len(store.views), spec.regions, spec.width), np.float16)
    pictures = [store.plan[row] for row in rows]
    looks = reader.map(lambda picture: _look(Path(picture.path), spec, store.views), pictures)
    hashes: list[str | None] = []
    errors: dict[str, str] = {}
    batch: list[tuple[int, Tensor]] = []
    for row, (prepared, digest, error) in enumerate(looks):
        hashes.append(digest)
        if prepared is None:
            errors[pictures[row].path] = error or ""
        else:
            batch.append((row, prepared))
        full = len(batch) * len(store.views) >= BATCH_PICTURES
        if batch and (full or row == len(rows) - 1):
            encoded = encoder(torch.cat([views for _, views in batch])).half().cpu().numpy()
            places = [place for place, _ in batch]
            regions[places] = encoded.reshape(len(batch), *regions.shape[1:])
            batch = []
            progress(row + 1)
    store.write_shard(shard, regions, hashes, errors)
