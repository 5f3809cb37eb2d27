"""An encoder as two parts: a lower one that stays as it came, and an upper one that can learn."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from tushuo.device import device_of, full_float32
from tushuo.encoders.spec import Encoder, EncoderSpec
from tushuo.errors import SettingError, WeightsError
from tushuo.runtime import sha256, write_bytes

HEAD_FILE = "encoder.safetensors"


@final
class StochasticDepth(nn.Module):
    """Leaves a residual block's branch out for a share of the pictures, while it learns.

    Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016, equation 2. Differs from the
    paper: every block has the same share, since only the last ones learn, and the branches kept are
    scaled up in training rather than down afterwards.

    Attributes:
        share: of the pictures; 0 leaves nothing out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.share = 0.0

    def forward(self, branch: Float[Tensor, "P C h w"]) -> Float[Tensor, "P C h w"]:
        """Leave it out, or scale it up."""
        if not self.training or self.share == 0:
            return branch
        kept = torch.rand(len(branch), 1, 1, 1, device=branch.device) >= self.share
        return branch * (kept / (1 - self.share))


@final
class _ConcatenatedHeads(nn.Module):
    """Several upper parts of one lower part; the numbers of their regions follow each other."""

    def __init__(self, uppers: Sequence[nn.Module]):
        super().__init__()
        self.uppers = nn.ModuleList(uppers)

    def forward(self, regions: Float[Tensor, "P R C"]) -> Float[Tensor, "P R D"]:
        """Run them all."""
        return torch.cat([head(regions) for head in self.uppers], dim=-1)


@dataclass(frozen=True, kw_only=True)
class SplitEncoder:
    """The two parts of an encoder.

    Attributes:
        spec: the whole encoder's, as it came.
        lower: pictures in, the grid between the parts out; its spec says how many blocks it has.
        upper: the grid in, "P R C", the whole encoder's regions out, "P R D".
    """

    spec: EncoderSpec
    trunk: Encoder
    head: nn.Module


@runtime_checkable
class Splittable(Encoder, Protocol):
    """An encoder that can be taken apart."""

    def split(self, frozen_blocks: int | None) -> SplitEncoder:
        """Part it after so many blocks; None lets it choose. The upper part is a copy."""
        ...


@final
class FineTunedEncoder:
    """An encoder whose upper part has weights of its own."""

    def __init__(self, split: SplitEncoder):
        self.trunk, self.head = split.trunk, split.head.eval().requires_grad_(False)
        self.spec = replace(
            split.spec,
            frozen_blocks=split.trunk.spec.frozen_blocks,
            head=weights_hash(self.head.state_dict()),
        )

    def __call__(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P R D"]:
        """Encode square RGB pictures, 0 to 255."""
        return self.apply_head(self.trunk(pictures))

    @torch.inference_mode()
    @full_float32()
    def apply_head(self, grids: Float[Tensor, "P R C"]) -> Float[Tensor, "P R2 D"]:
        """Compute the regions from the trunk's output."""
        return self.head(grids.to(device_of(self.head)))


def split_encoder(encoder: Encoder, frozen_blocks: int | None = None) -> SplitEncoder:
    """Part an encoder after so many blocks; without a number, where it is best parted.

    Raises:
        SettingError: it cannot be parted, or not there.
    """
    if not isinstance(encoder, Splittable):
        raise SettingError(
            f"encoder {encoder.spec.name} cannot be parted; choose one of efficientnet_lite0 to 2"
        )
    return encoder.split(frozen_blocks)


def fine_tuned_encoder(
    encoder: Encoder, frozen_blocks: int | None, weights: Mapping[str, Tensor]
) -> FineTunedEncoder:
    """Give an encoder an upper part with these weights, in place of those that it came with.

    Args:
        encoder: as it came.
        upto: blocks of its lower part.
        weights: of one upper part, or of several, as `side_by_side` names them.

    Raises:
        SettingError: it cannot be parted there.
        WeightsError: the weights are of another upper part.
    """
    split = split_encoder(encoder, frozen_blocks)
    count = len({name.split(".")[1] for name in weights if name.startswith("uppers.")})
    if count:
        uppers = [deepcopy(split.head) for _ in range(count)]
        spec = replace(split.spec, width=count * split.spec.width)
        split = replace(split, spec=spec, head=_ConcatenatedHeads(uppers))
    load_head(split.head, weights)
    return FineTunedEncoder(split)


def concatenate_heads(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Name the weights of several upper parts as those of one that has them all."""
    return {
        f"uppers.{number}.{name}": weight
        for number, part in enumerate(parts)
        for name, weight in part.items()
    }


def load_head(head: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put weights into an upper part.

    Raises:
        WeightsError: they are of another one.
    """
    try:
        head.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise WeightsError(
            f"the upper blocks do not fit their encoder: {error}; train or extract again"
        ) from error


def weights_hash(weights: Mapping[str, Tensor]) -> str:
    """Return the first 16 hex digits of the SHA-256 of weights, by name, as float32."""
    parts = [
        name.encode() + weights[name].detach().cpu().float().contiguous().numpy().tobytes()
        for name in sorted(weights)
    ]
    return sha256(b"".join(parts))[:16]


def save_head(folder: Path, weights: Mapping[str, Tensor]) -> None:
    """Keep an upper part's weights beside what was made with them."""
    write_bytes(folder / HEAD_FILE, save({name: w.contiguous() for name, w in weights.items()}))


def read_head(folder: Path, expected: str) -> dict[str, Tensor]:
    """Read an upper part's weights.

    Args:
        folder: where they were kept.
        expected: their hash.

    Raises:
        WeightsError: they are not there, damaged, or others.
    """
    path = folder / HEAD_FILE
    try:
        weights = load_file(path)
    except (FileNotFoundError, SafetensorError) as error:
        raise WeightsError(
            f"{path} cannot be read: {error}; bring it back from where {folder} was made"
        ) from error
    found = weights_hash(weights)
    if found != expected:
        raise WeightsError(f"{path} has the hash {found}, expected {expected}; bring back its own")
    return weights
