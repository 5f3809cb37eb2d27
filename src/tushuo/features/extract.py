"""Extract regions into a feature store: each picture is encoded once, across interruptions."""

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
from tushuo.features.store import FeatureStore, PlannedPicture
from tushuo.features.views import PLAIN, VIEWS
from tushuo.pictures.opening import open_picture
from tushuo.pictures.reading import read_file
from tushuo.runtime import (
    Progress,
    format_bytes,
    free_bytes,
    only_writer,
    path_of_readable,
    readable,
    sha256,
)
from tushuo.signatures import require_same

SHARD_PICTURES = 256
BATCH_PICTURES = 16


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """The result of an extraction.

    Attributes:
        pictures: number of pictures of the plan.
        encoded: number of pictures that this call processed; the others were finished before, or
            belong to other processes.
        failed: the error of each picture that could not be read, by path.
    """

    pictures: int
    encoded: int
    failed: dict[str, str]


def store_bytes(pictures: int, spec: EncoderSpec, views: int = 1) -> int:
    """Return the size on disk of a store in float16."""
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
    """Extract the regions of pictures into the store in ``folder``, or resume an extraction.

    Args:
        records: the pictures; an image id that occurs twice is encoded once.
        encoder: the encoder.
        folder: folder of the store.
        views: names of `VIEWS` to encode, the plain one first.
        process: number of this process; it takes the shards ``process``, ``process + processes``...
        processes: number of processes that share the work.
        shard_pictures: pictures per shard; an interruption loses at most one shard per process.
        progress: called with pictures done and pictures in total.

    Raises:
        StoreError: the disk is too small, or the folder holds another store, or another process
            writes into it.
    """
    unique = {record.image_id: record for record in records}.values()
    plan = [PlannedPicture(record.image_id, readable(str(record.path))) for record in unique]
    _require_space(folder, store_bytes(len(plan), encoder.spec, len(views)))
    store = FeatureStore.create(
        folder, plan, encoder.spec, shard_pictures=shard_pictures, views=views
    )
    if isinstance(encoder, FineTunedEncoder):
        save_head(folder, encoder.head.state_dict())
    with ThreadPoolExecutor(1) as reader:  # reads and decodes while the encoder computes

        def write_shard(shard: int, report: Callable[[int], None]) -> None:
            _encode_shard(store, shard, encoder, reader, report)

        return _write_shards(store, write_shard, process, processes, progress)


def extract_from_grids(
    grids: FeatureStore,
    encoder: FineTunedEncoder,
    folder: Path,
    *,
    process: int = 0,
    processes: int = 1,
    progress: Progress | None = None,
) -> Extraction:
    """Compute a store of regions from a store of the trunk's grids, without opening a picture.

    The stored grids are rounded to float16, so the regions differ slightly from those of `extract`.

    Args:
        grids: finished store of the trunk's output; its pictures and views are taken over.
        encoder: the encoder whose head computes the regions.
        folder: folder of the new store.
        process: number of this process; it takes the shards ``process``, ``process + processes``...
        processes: number of processes that share the work.
        progress: called with pictures done and pictures in total.

    Raises:
        SignatureError: the grids are of another encoder, or of another number of frozen blocks.
        StoreError: the grids are unfinished, the disk is too small, or the folder holds another
            store.
    """
    require_same(
        grids.spec.signature,
        encoder.trunk.spec.signature,
        what="the store's encoder and the trunk of the run's encoder",
        cure="name the store that the run was trained on, or extract from the pictures",
    )
    grids.require_finished()
    _require_space(folder, store_bytes(len(grids.plan), encoder.spec, len(grids.views)))
    store = FeatureStore.create(
        folder,
        grids.plan,
        encoder.spec,
        shard_pictures=grids.header.shard_pictures,
        views=grids.views,
    )
    save_head(folder, encoder.head.state_dict())

    def write_shard(shard: int, report: Callable[[int], None]) -> None:
        """Apply the head to the grids of a shard; the rows of unreadable pictures stay zero."""
        shard_grids, info = grids.read_shard(shard), grids.info(shard)
        regions = np.zeros((*shard_grids.shape[:2], *store.grid), np.float16)
        for start in range(0, len(shard_grids), BATCH_PICTURES):
            batch = torch.from_numpy(shard_grids[start : start + BATCH_PICTURES]).float()
            encoded = encoder.apply_head(batch.flatten(0, 1)).half().cpu().numpy()
            regions[start : start + len(batch)] = encoded.reshape(len(batch), *regions.shape[1:])
            report(start + len(batch))
        regions[[digest is None for digest in info.hashes]] = 0
        store.write_shard(shard, regions, info.hashes, info.errors)

    return _write_shards(store, write_shard, process, processes, progress)


def _write_shards(
    store: FeatureStore,
    write_shard: Callable[[int, Callable[[int], None]], None],
    process: int,
    processes: int,
    progress: Progress | None,
) -> Extraction:
    """Write the unfinished ones among the shards of this process."""
    shards = range(process, store.shards, processes)
    total = sum(len(store.shard_rows(shard)) for shard in shards)
    done = encoded = 0

    def report(before: int, in_shard: int) -> None:
        if progress is not None:
            progress(before + in_shard, total)

    with only_writer(store.folder, StoreError, process=process):
        for shard in shards:
            rows = store.shard_rows(shard)
            if not store.finished(shard):
                write_shard(shard, partial(report, done))
                encoded += len(rows)
            done += len(rows)
            report(done, 0)
    failed = {k: v for shard in shards for k, v in store.info(shard).errors.items()}
    return Extraction(pictures=len(store.plan), encoded=encoded, failed=failed)


def _require_space(folder: Path, needed: int) -> None:
    """Refuse an extraction that does not fit on its disk."""
    already_written = sum(file.stat().st_size for file in folder.glob("shards/*.npy"))
    free = free_bytes(folder) + already_written
    if needed > free:
        raise StoreError(
            f"the store needs {format_bytes(needed)}, {folder} has only {format_bytes(free)} free; "
            "choose another --output, a smaller --encoder, or --max-images"
        )


OpenedPicture = tuple[Tensor | None, str | None, str | None]  # views, hash of the file, error


def _open_views(path: Path, spec: EncoderSpec, views: Sequence[str]) -> OpenedPicture:
    try:
        content = read_file(path)
        picture = open_picture(content, at_least=spec.short_side, name=readable(str(path)))
    except PictureError as error:
        return None, None, readable(str(error))
    resized = torch.stack([resize(VIEWS[view](picture), spec) for view in views])
    return resized, sha256(content), None


def _encode_shard(
    store: FeatureStore,
    shard: int,
    encoder: Encoder,
    reader: ThreadPoolExecutor,
    report: Callable[[int], None],
) -> None:
    """Encode the pictures of a shard and write it; the rows of unreadable pictures are zero."""
    spec, rows = store.spec, store.shard_rows(shard)
    regions = np.zeros((len(rows), len(store.views), spec.regions, spec.width), np.float16)
    pictures = [store.plan[row] for row in rows]
    opened = reader.map(
        lambda picture: _open_views(path_of_readable(picture.path), spec, store.views), pictures
    )
    hashes: list[str | None] = []
    errors: dict[str, str] = {}
    batch: list[tuple[int, Tensor]] = []
    for row, (views, digest, error) in enumerate(opened):
        hashes.append(digest)
        if views is None:
            errors[pictures[row].path] = error or ""
        else:
            batch.append((row, views))
        full = len(batch) * len(store.views) >= BATCH_PICTURES
        if batch and (full or row == len(rows) - 1):
            encoded = encoder(torch.cat([resized for _, resized in batch])).half().cpu().numpy()
            batch_rows = [batch_row for batch_row, _ in batch]
            regions[batch_rows] = encoded.reshape(len(batch), *regions.shape[1:])
            batch = []
            report(row + 1)
    store.write_shard(shard, regions, hashes, errors)
