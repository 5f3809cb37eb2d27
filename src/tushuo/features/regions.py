"""Regions that a training reads: from a store, or from pictures that are looked at each time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tushuo.data.record import Record
from tushuo.device import device_of
from tushuo.encoders.resize import resize
from tushuo.encoders.spec import Encoder, EncoderSpec
from tushuo.encoders.split_encoder import FineTunedEncoder
from tushuo.errors import PictureError, SignatureError
from tushuo.features.store import FeatureStore
from tushuo.features.views import PLAIN, VIEWS
from tushuo.pictures.opening import open_picture
from tushuo.runtime import Progress, sha256

COMPARED = 16  # pictures whose bytes tell whether a store is of this data


@runtime_checkable
class ReadRegions(Protocol):
    """Reads regions, float32, in the order of the rows: of the plain view, or of one for each."""

    def __call__(
        self, rows: Sequence[int], views: Sequence[int] | None = None
    ) -> Float[Tensor, "P R D"]:
        """Read."""
        ...


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Regions, and what made them.

    Attributes:
        rows: the row of each picture whose regions are here, by image id.
        spec: the encoder that makes them.
        signature: one line that is equal exactly when the regions are.
        read: rows in, regions out.
        views: names of the views that each picture has, the plain one first.
        failed: what was wrong, by path, with pictures that have no regions.
        upper: weights of the encoder's upper part, where a store was made with trained ones.
        learns: the part of the encoder that they come through and that learns; None: it is frozen.
    """

    rows: dict[int | str, int]
    spec: EncoderSpec
    signature: str
    read: ReadRegions
    views: tuple[str, ...] = (PLAIN,)
    failed: dict[str, str] = field(default_factory=dict)
    head: dict[str, Tensor] = field(default_factory=dict)
    learns: nn.Module | None = None

    @classmethod
    def from_store(cls, folder: Path | str, records: Sequence[Record] = ()) -> "Regions":
        """Take the regions of a finished store.

        Args:
            folder: the store.
            records: the pictures whose regions are wanted. The bytes of a few of them, from the
                first to the last, are compared with those that the store is of; pictures that are
                not on this machine are believed.

        Raises:
            StoreError: it is not there, not finished, or damaged.
            SignatureError: it is of other pictures, though they have the same ids.
        """
        store = FeatureStore.open(folder)
        store.require_finished()
        _require_same_pictures(store, records)
        return cls(
            rows=store.rows(),
            spec=store.spec,
            signature=store.signature(),
            read=store.read,
            views=store.views,
            failed=store.errors(),
            head=store.head(),
        )

    @classmethod
    def on_the_fly(
        cls,
        encoder: Encoder,
        records: Sequence[Record],
        *,
        views: tuple[str, ...] = (PLAIN,),
        progress: Progress | None = None,
    ) -> "Regions":
        """Encode pictures each time they are asked for.

        Every picture is opened once before, so that an unreadable one is known at the beginning and
        not hours later.

        Args:
            encoder: what looks at them.
            records: the pictures.
            views: names of `VIEWS` that can be asked for, the plain one first.
            progress: called with pictures opened and pictures in all.
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
        ordered, names = list(paths.values()), views

        def read(rows: Sequence[int], views: Sequence[int] | None = None) -> Float[Tensor, "P R D"]:
            """Open the pictures of these rows and encode each in the look that its view names."""
            looks = [VIEWS[names[view]] for view in views or [0] * len(rows)]
            opened = [
                look(open_picture(ordered[row], at_least=spec.side))
                for row, look in zip(rows, looks, strict=True)
            ]
            pictures = torch.stack([resize(picture, spec) for picture in opened])
            # cloned, since training cannot go on from a tensor made in inference mode
            return encoder(pictures).float().clone()

        return cls(
            rows={image_id: row for row, image_id in enumerate(paths)},
            spec=spec,
            signature=spec.signature,
            read=read,
            views=names,
            failed=failed,
            head=_head_weights(encoder),
        )

    def seen_by(self, encoder: Encoder) -> "Regions":
        """Finish grids with the encoder whose lower part made them; others stay as they are."""
        if not isinstance(encoder, FineTunedEncoder) or self.spec != encoder.trunk.spec:
            return self
        return self.through(encoder.head, encoder.spec)

    def through(self, head: nn.Module, spec: EncoderSpec) -> "Regions":
        """Send these grids of an encoder's lower part through its upper part when they are read.

        Gradients flow into the upper part where it learns; all captions of a picture share its one
        way through.

        Args:
            upper: the upper part.
            spec: the whole encoder's.
        """

        def read(rows: Sequence[int], views: Sequence[int] | None = None) -> Float[Tensor, "P R D"]:
            """Read the grids and finish them on the device where the upper part is."""
            grids = self.read(rows, views)
            return head(grids.to(device_of(head)))

        return replace(self, spec=spec, read=read)


def _head_weights(encoder: Encoder) -> dict[str, Tensor]:
    """Return the weights of a fine-tuned encoder's head, on the CPU; none where it has no own."""
    if not isinstance(encoder, FineTunedEncoder):
        return {}
    return {name: weight.cpu() for name, weight in encoder.head.state_dict().items()}


def _require_same_pictures(store: FeatureStore, records: Sequence[Record]) -> None:
    """Refuse data whose pictures are others than those of the same ids in the store."""
    seen = store.hashes()
    for record in records[:: -(-len(records) // COMPARED) or 1]:
        digest = seen.get(record.image_id)
        if digest and record.path.is_file() and sha256(record.path) != digest:
            raise SignatureError(
                f"{store.folder} is of other pictures: its {record.image_id} has not the content "
                f"of {record.path}; name the data that it was made of, or extract this data"
            )
