"""Regions for training and evaluation: from a store, or computed from the pictures each time."""

from collections.abc import Sequence, Set
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
from tushuo.runtime import Progress, readable, sha256

COMPARED_PICTURES = 16  # whose files are compared with those that a store was built from


@runtime_checkable
class ReadRegions(Protocol):
    """Reads float32 regions in the order of the rows: plain views, or one given view per row."""

    def __call__(
        self, rows: Sequence[int], views: Sequence[int] | None = None
    ) -> Float[Tensor, "P R D"]:
        """Read the regions of these rows."""
        ...


@dataclass(frozen=True, kw_only=True)
class Regions:
    """The regions of a set of pictures, and the encoder they come from.

    Attributes:
        rows: the row of each picture that has regions, by image id.
        spec: the encoder's spec.
        signature: one line that two sets share exactly if their regions are equal.
        read: maps rows to regions.
        views: names of the views of each picture, the plain one first.
        failed: the error of each picture that could not be opened, by path.
        image_ids: all pictures that were to be encoded, with or without success.
        head: weights of the encoder's head, if it was fine-tuned.
        trainable_head: the head that `read` passes gradients to; None: the encoder is frozen.
    """

    rows: dict[int | str, int]
    spec: EncoderSpec
    signature: str
    read: ReadRegions
    views: tuple[str, ...] = (PLAIN,)
    failed: dict[str, str] = field(default_factory=dict)
    image_ids: Set[int | str] = frozenset()
    head: dict[str, Tensor] = field(default_factory=dict)
    trainable_head: nn.Module | None = None

    @classmethod
    def from_store(cls, folder: Path | str, records: Sequence[Record] = ()) -> "Regions":
        """Open the regions of a finished store.

        Args:
            folder: the store.
            records: the pictures to be read. The files of a few of them, evenly spread, are
                compared with those that the store was built from; missing files are not compared.

        Raises:
            StoreError: the store is missing, unfinished or damaged.
            SignatureError: the store was built from other pictures with the same ids.
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
            image_ids=store.hashes().keys(),
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
        """Encode pictures each time they are read; the regions are on the encoder's device.

        Every picture is opened once beforehand, so that unreadable ones are reported at the start.

        Args:
            encoder: the encoder.
            records: the pictures.
            views: names of `VIEWS` that can be read, the plain one first.
            progress: called with pictures opened and pictures in total.
        """
        spec = encoder.spec
        paths: dict[int | str, Path] = {}
        failed: dict[str, str] = {}
        unique = {record.image_id: record.path for record in records}
        for done, (image_id, path) in enumerate(unique.items(), 1):
            try:
                open_picture(path, at_least=spec.short_side)
                paths[image_id] = path
            except PictureError as error:
                failed[readable(str(path))] = str(error)
            if progress is not None:
                progress(done, len(unique))
        path_of_row, names = list(paths.values()), views

        def read(rows: Sequence[int], views: Sequence[int] | None = None) -> Float[Tensor, "P R D"]:
            """Open the pictures of these rows and encode the given view of each."""
            pictures = [open_picture(path_of_row[row], at_least=spec.short_side) for row in rows]
            transforms = [VIEWS[names[view]] for view in views or [0] * len(rows)]
            pairs = zip(transforms, pictures, strict=True)
            resized = torch.stack(
                [resize(transform(picture), spec) for transform, picture in pairs]
            )
            # cloned, since autograd cannot use a tensor that was created in inference mode
            return encoder(resized).float().clone()

        return cls(
            rows={image_id: row for row, image_id in enumerate(paths)},
            spec=spec,
            signature=spec.signature,
            read=read,
            views=names,
            failed=failed,
            image_ids=unique.keys(),
            head=_head_weights(encoder),
        )

    def with_encoder(self, encoder: Encoder) -> "Regions":
        """Apply the encoder's head if these are the grids of its trunk; else return them as is."""
        if not isinstance(encoder, FineTunedEncoder) or self.spec != encoder.trunk.spec:
            return self
        return self.through_head(encoder.head, encoder.spec)

    def through_head(self, head: nn.Module, spec: EncoderSpec) -> "Regions":
        """Apply a head to these grids of a trunk each time they are read.

        If the head is trainable, gradients flow into it. It is applied once per picture, whatever
        the number of captions.

        Args:
            head: the head.
            spec: spec of the whole encoder.
        """

        def read(rows: Sequence[int], views: Sequence[int] | None = None) -> Float[Tensor, "P R D"]:
            """Read the grids and apply the head on its device."""
            grids = self.read(rows, views)
            return head(grids.to(device_of(head)))

        return replace(self, spec=spec, read=read)


def _head_weights(encoder: Encoder) -> dict[str, Tensor]:
    """Return the weights of a fine-tuned encoder's head, on the CPU; of others, none."""
    if not isinstance(encoder, FineTunedEncoder):
        return {}
    return {name: weight.cpu() for name, weight in encoder.head.state_dict().items()}


def _require_same_pictures(store: FeatureStore, records: Sequence[Record]) -> None:
    """Refuse data whose pictures differ from those of the same ids in the store."""
    hashes = store.hashes()
    for record in records[:: -(-len(records) // COMPARED_PICTURES) or 1]:
        digest = hashes.get(record.image_id)
        if digest and record.path.is_file() and sha256(record.path) != digest:
            raise SignatureError(
                f"{store.folder} was built from different pictures: {record.path} is not the file "
                f"it saw as {record.image_id}; point to the original data, or run tushuo extract "
                "on this data"
            )
