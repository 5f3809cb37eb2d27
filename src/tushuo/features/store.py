"""The feature store: regions of every picture, float16, memory-mapped, in shards.

    STORE/
      store.json           format, the encoder's spec, shard size, names of the views
      pictures.jsonl       the plan: every picture's id and path, in order
      shards/00000.npy     regions "pictures views R D", float16
      shards/00000.json    hashes of the picture files, errors, the shard's checksum
      encoder.safetensors  weights of the encoder's head, if it was fine-tuned

A shard is finished when its JSON exists, which is written last: the partial output of a killed
process is never read. Shards are pure functions of the plan, so any process may write any of them.

The signature does not depend on the device that the encoder ran on: every device computes in
float32, so regions of a GPU and of the CPU differ by less than their rounding to float16.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import msgspec
import numpy as np
import torch
from jaxtyping import Float, Float16
from torch import Tensor

from tushuo.encoders.spec import EncoderSpec
from tushuo.encoders.split_encoder import read_head
from tushuo.errors import StoreError
from tushuo.features.views import PLAIN
from tushuo.old_names import upgrade_store
from tushuo.runtime import atomic_write, sha256, write_bytes

FORMAT = 2


class PlannedPicture(msgspec.Struct, frozen=True):
    """A picture of the plan."""

    image_id: int | str
    path: str


class StoreHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``store.json``."""

    format: int
    encoder: EncoderSpec
    shard_pictures: int
    pictures: int
    plan: str  # hash of pictures.jsonl
    views: int = 1
    view_names: tuple[str, ...] = (PLAIN,)  # absent from stores that have no other views


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a shard's JSON.

    Attributes:
        hashes: SHA-256 of each picture's file, None for a picture that could not be read.
        errors: the error of each picture that could not be read, by path.
        checksum: CRC-32 of the shard's array, to detect a damaged file.
    """

    hashes: list[str | None]
    errors: dict[str, str]
    checksum: int


@final
class FeatureStore:
    """A store on disk, finished or not."""

    def __init__(self, folder: Path, header: StoreHeader, plan: list[PlannedPicture]):
        self.folder, self.header, self.plan = folder, header, plan
        self._arrays: dict[int, np.ndarray] = {}

    @classmethod
    def create(
        cls,
        folder: Path,
        plan: Sequence[PlannedPicture],
        spec: EncoderSpec,
        *,
        shard_pictures: int,
        views: tuple[str, ...] = (PLAIN,),
    ) -> "FeatureStore":
        """Create a store, or open the one in the folder if its plan and encoder are the same.

        Raises:
            StoreError: the folder holds a store of other pictures, of other views, or of another
                encoder.
        """
        content = b"".join(msgspec.json.encode(picture) + b"\n" for picture in plan)
        header = StoreHeader(
            format=FORMAT,
            encoder=spec,
            shard_pictures=shard_pictures,
            pictures=len(plan),
            plan=sha256(content)[:16],
            views=len(views),
            view_names=views,
        )
        if (folder / "store.json").exists():
            store = cls.open(folder)
            if store.header != header:
                raise StoreError(
                    f"{folder} holds a store of {store.header.pictures} pictures "
                    f"({', '.join(store.views)}) by {store.spec.signature}, expected "
                    f"{header.pictures} pictures ({', '.join(views)}) by {spec.signature}; "
                    "choose another --output, or delete the folder"
                )
            return store
        write_bytes(folder / "pictures.jsonl", content)
        write_bytes(folder / "store.json", msgspec.json.format(msgspec.json.encode(header)))
        return cls(folder, header, list(plan))

    @classmethod
    def open(cls, folder: Path | str) -> "FeatureStore":
        """Open a store.

        Raises:
            StoreError: the folder holds no store, its format is unknown, or its plan is damaged.
        """
        folder = Path(folder)
        try:
            content = msgspec.json.decode((folder / "store.json").read_bytes(), type=dict[str, Any])
            if content.get("format") == 1:
                content = upgrade_store(content) | {"format": FORMAT}
            header = msgspec.convert(content, StoreHeader)
            plan = (folder / "pictures.jsonl").read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StoreError(
                f"{folder} is not a feature store, it has no {Path(error.filename).name}; "
                f"create one with: tushuo extract DATA --output {folder}"
            ) from error
        except msgspec.DecodeError as error:
            raise StoreError(
                f"{folder}/store.json cannot be read: {error}; extract again"
            ) from error
        if header.format != FORMAT:
            raise StoreError(
                f"{folder} has format {header.format}, expected {FORMAT}; extract again"
            )
        if sha256(plan)[:16] != header.plan:
            raise StoreError(
                f"{folder}/pictures.jsonl was changed after the store was created; extract again"
            )
        lines = plan.splitlines()
        return cls(
            folder, header, [msgspec.json.decode(line, type=PlannedPicture) for line in lines]
        )

    @property
    def spec(self) -> EncoderSpec:
        """The spec of the encoder that computed the regions."""
        return self.header.encoder

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views of each picture, the plain one first."""
        return self.header.view_names

    @property
    def shards(self) -> int:
        """Number of shards of the plan."""
        return -(-self.header.pictures // self.header.shard_pictures)

    def shard_rows(self, shard: int) -> range:
        """Rows of the plan that a shard holds."""
        size = self.header.shard_pictures
        return range(shard * size, min((shard + 1) * size, self.header.pictures))

    def finished(self, shard: int) -> bool:
        """Return whether a shard is complete; a damaged one counts as unfinished."""
        try:
            self._load(shard)
        except StoreError:
            return False
        return True

    def write_shard(
        self, shard: int, regions: np.ndarray, hashes: list[str | None], errors: dict[str, str]
    ) -> None:
        """Write one shard: the array first, then the JSON that completes it."""
        with atomic_write(self._path(shard, "npy")) as file:
            np.save(file, regions, allow_pickle=False)
        info = Shard(hashes=hashes, errors=errors, checksum=zlib.crc32(regions.data))
        write_bytes(self._path(shard, "json"), msgspec.json.encode(info))
        self._arrays.pop(shard, None)

    def info(self, shard: int) -> Shard:
        """Read a finished shard's JSON.

        Raises:
            StoreError: the shard is not finished.
        """
        try:
            return msgspec.json.decode(self._path(shard, "json").read_bytes(), type=Shard)
        except (FileNotFoundError, msgspec.DecodeError) as error:
            raise StoreError(
                f"shard {shard} of {self.folder} is not finished; "
                "run the same extract command again to resume it"
            ) from error

    def require_finished(self) -> None:
        """Refuse a store whose extraction is not finished.

        Raises:
            StoreError: shards are missing or damaged.
        """
        for shard in range(self.shards):
            self._load(shard)

    def signature(self) -> str:
        """Return the encoder's signature with a hash of the pictures, and the views if several."""
        hashes = [self.info(shard).hashes for shard in range(self.shards)]
        plain = f"{self.spec.signature}|pictures:{sha256(msgspec.json.encode(hashes))[:16]}"
        return plain if len(self.views) == 1 else f"{plain}|views:{'+'.join(self.views)}"

    def head(self) -> dict[str, Tensor]:
        """Read the weights of the encoder's head; none if it is pretrained.

        Raises:
            WeightsError: the weights are missing or damaged.
        """
        return read_head(self.folder, self.spec.head) if self.spec.head else {}

    def errors(self) -> dict[str, str]:
        """Return the error of each picture that could not be read, by path."""
        shards = [self.info(shard).errors for shard in range(self.shards)]
        return {path: error for errors in shards for path, error in errors.items()}

    def rows(self) -> dict[int | str, int]:
        """Map the image ids that have regions to their rows."""
        hashes = enumerate(self.hashes().items())
        return {image_id: row for row, (image_id, digest) in hashes if digest is not None}

    def hashes(self) -> dict[int | str, str | None]:
        """Map image ids to the SHA-256 of the pictures' files; None: it could not be read."""
        hashes = [digest for shard in range(self.shards) for digest in self.info(shard).hashes]
        return {picture.image_id: digest for picture, digest in zip(self.plan, hashes, strict=True)}

    def read(
        self, rows: Sequence[int], views: Sequence[int] | None = None
    ) -> Float[Tensor, "P R D"]:
        """Read float32 regions in the order of ``rows``: plain views, or one given view per row."""
        size = self.header.shard_pictures
        pairs = zip(rows, views or [0] * len(rows), strict=True)
        return torch.stack(
            [torch.from_numpy(self._load(row // size)[row % size, view]) for row, view in pairs]
        ).float()

    def _path(self, shard: int, suffix: str) -> Path:
        return self.folder / "shards" / f"{shard:05d}.{suffix}"

    def _load(self, shard: int) -> np.ndarray:
        """Memory-map a shard; its checksum is verified on first access."""
        if shard not in self._arrays:
            info, path = self.info(shard), self._path(shard, "npy")
            expected = (len(self.shard_rows(shard)), self.header.views, *self.grid)
            try:
                # copy-on-write, since torch warns about arrays that are not writable
                array = np.load(path, mmap_mode="c", allow_pickle=False)
            except OSError as error:
                raise StoreError(
                    f"{path} cannot be read: {error.strerror}; extract again"
                ) from error
            except (ValueError, EOFError) as error:  # whose messages advise to unpickle it
                raise StoreError(f"{path} is damaged, it holds no array; extract again") from error
            if array.shape != expected or array.dtype != np.float16:
                raise StoreError(
                    f"{path} holds {array.dtype} {array.shape}, expected float16 {expected}; "
                    "extract again"
                )
            if zlib.crc32(array.data) != info.checksum:
                raise StoreError(f"{path} is damaged, its checksum is wrong; extract again")
            self._arrays[shard] = array
        return self._arrays[shard]

    def read_shard(self, shard: int) -> Float16[np.ndarray, "P views R D"]:
        """Return the regions of a shard in all views; those of unreadable pictures are zero.

        Raises:
            StoreError: the shard is unfinished or damaged.
        """
        return self._load(shard)

    @property
    def grid(self) -> tuple[int, int]:
        """Number of regions, and features per region."""
        return self.spec.regions, self.spec.width
