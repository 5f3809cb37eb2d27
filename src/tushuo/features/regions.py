"""Regions that a training reads: from a store, or from pictures that are looked at each time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.data.record import Record
from tushuo.encoders.prepare import prepare
from tushuo.encoders.spec import Encoder, EncoderSpec
from tushuo.errors import PictureError
from tushuo.features.store import FeatureStore
from tushuo.images import open_picture
from tushuo.runtime import Progress


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Regions, and what made them.

    Attributes:
        rows: the row of each picture whose regions are here, by image id.
        spec: the encoder that makes them.
        signature: one line that is equal exactly when the regions are.
        read: rows in, regions out, float32, in the same order.
        failed: what was wrong, by path, with pictures that have no regions.
    """

    rows: dict[int | str, int]
    spec: EncoderSpec
    signature: str
    read: Callable[[Sequence[int]], Float[Tensor, "P R D"]]
    failed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_store(cls, folder: Path) -> "Regions":
        """Take the regions of a finished store.

        Raises:
            StoreError: it is not there, not finished, or damaged.
        """
        store = FeatureStore.open(folder)
        store.require_finished()
        return cls(
            rows=store.rows(),
            spec=store.spec,
            signature=store.signature(),
            read=store.read,
            failed=store.errors(),
        )

    @classmethod
    def on_the_fly(
        cls, encoder: Encoder, records: Sequence[Record], *, progress: Progress | None = None
    ) -> "Regions":
        """Encode pictures each time they are asked for.

        Every picture is opened once before, so that an unreadable one is known at the beginning and
        not hours later.
        """
        spec = encoder.spec
        paths: dict[int | str, Path] = {}
        failed: dict[str, str] = {}
        unique = {record.image_id: record.path for record in records}
        for done, (image_id, path) in enumerate(unique.items(), 1):
            try:
                open_picture(path, at_least=spec.side)
                paths[image_id] = path
            except PictureError as error:
                failed[str(path)] = str(error)
            if progress is not None:
                progress(done, len(unique))
        ordered = list(paths.values())

        def read(rows: Sequence[int]) -> Float[Tensor, "P R D"]:
            opened = [open_picture(ordered[row], at_least=spec.side) for row in rows]
            pictures = torch.stack([prepare(picture, spec) for picture in opened])
            # cloned, since training cannot go on from a tensor made in inference mode
            return encoder(pictures).float().clone()

        return cls(
            rows={image_id: row for row, image_id in enumerate(paths)},
            spec=spec,
            signature=spec.signature,
            read=read,
            failed=failed,
        )
