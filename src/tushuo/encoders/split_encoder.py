"""Encoders split into a frozen trunk, which keeps its weights, and a trainable head."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from torch import Tensor, nn

from tushuo.device import device_of, full_float32
from tushuo.encoders.spec import Encoder, EncoderSpec
from tushuo.errors import SettingError, WeightsError
from tushuo.runtime import sha256
from tushuo.tensor_files import load_tensors, save_tensors

HEAD_FILE = "encoder.safetensors"


@final
class StochasticDepth(nn.Module):
    """Drops the branch of a residual block for a random share of the pictures in training.

    Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016, equation 2. Differs from the
    paper: every block drops the same share, since only the last ones are trained, and the other
    branches are scaled up in training rather than down at inference.

    Attributes:
        share: probability of dropping the branch of a picture.
    """

    def __init__(self) -> None:
        super().__init__()
        self.share = 0.0

    def forward(self, branch: Float[Tensor, "P C h w"]) -> Float[Tensor, "P C h w"]:
        """Drop the branch, or scale it up."""
        if not self.training or self.share == 0:
            return branch
        keep = torch.rand(len(branch), 1, 1, 1, device=branch.device) >= self.share
        return branch * (keep / (1 - self.share))


@final
class _ConcatenatedHeads(nn.Module):
    """Several heads on one trunk; the features of their regions are concatenated."""

    def __init__(self, heads: Sequence[nn.Module]):
        super().__init__()
        self.uppers = nn.ModuleList(heads)  # the attribute's name is in the keys of stored weights

    def forward(self, regions: Float[Tensor, "P R C"]) -> Float[Tensor, "P R D"]:
        """Apply all heads and concatenate the features."""
        return torch.cat([head(regions) for head in self.uppers], dim=-1)


@dataclass(frozen=True, kw_only=True)
class SplitEncoder:
    """A frozen trunk and a trainable head.

    Attributes:
        spec: of the whole encoder with its pretrained weights.
        trunk: the first blocks, from pictures to grids "P R C"; its spec has ``frozen_blocks``.
        head: the other blocks, from grids "P R C" to the regions of the whole encoder, "P R D".
    """

    spec: EncoderSpec
    trunk: Encoder
    head: nn.Module


@runtime_checkable
class Splittable(Encoder, Protocol):
    """An encoder that can be split."""

    def split(self, frozen_blocks: int | None) -> SplitEncoder:
        """Split after this many blocks; None: at the encoder's default. The head is a copy."""
        ...


@final
class FineTunedEncoder:
    """An encoder whose head has other weights than the pretrained ones."""

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
        """Compute the regions from the output of the trunk."""
        return self.head(grids.to(device_of(self.head)))


def split_encoder(encoder: Encoder, frozen_blocks: int | None = None) -> SplitEncoder:
    """Split an encoder after this many blocks; None: at the encoder's default.

    Raises:
        SettingError: the encoder cannot be split, or has fewer blocks.
    """
    if not isinstance(encoder, Splittable):
        raise SettingError(
            f"encoder {encoder.spec.name} cannot be split into a frozen trunk and a trainable "
            "head; choose one of efficientnet_lite0 to 2"
        )
    return encoder.split(frozen_blocks)


def fine_tuned_encoder(
    encoder: Encoder, frozen_blocks: int | None, weights: Mapping[str, Tensor]
) -> FineTunedEncoder:
    """Replace the pretrained weights of an encoder's head.

    Args:
        encoder: the pretrained encoder.
        frozen_blocks: number of blocks in its trunk.
        weights: of one head, or of several, named as by `concatenate_heads`.

    Raises:
        SettingError: the encoder cannot be split there.
        WeightsError: the weights do not fit the head.
    """
    split = split_encoder(encoder, frozen_blocks)
    count = len({name.split(".")[1] for name in weights if name.startswith("uppers.")})
    if count:
        heads = [deepcopy(split.head) for _ in range(count)]
        spec = replace(split.spec, width=count * split.spec.width)
        split = replace(split, spec=spec, head=_ConcatenatedHeads(heads))
    load_head(split.head, weights)
    return FineTunedEncoder(split)


def concatenate_heads(heads: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Merge the weights of several heads into those of one head that concatenates them."""
    return {
        f"uppers.{number}.{name}": weight
        for number, head in enumerate(heads)
        for name, weight in head.items()
    }


def load_head(head: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load weights into a head.

    Raises:
        WeightsError: the weights do not fit the head.
    """
    try:
        head.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise WeightsError(
            f"the weights do not fit the head of the encoder: {error}; train or extract again"
        ) from error


def weights_hash(weights: Mapping[str, Tensor]) -> str:
    """Return the first 16 hex digits of the SHA-256 of weights, by name, as float32."""
    named_bytes = [
        name.encode() + weights[name].detach().cpu().float().contiguous().numpy().tobytes()
        for name in sorted(weights)
    ]
    return sha256(b"".join(named_bytes))[:16]


def save_head(folder: Path, weights: Mapping[str, Tensor]) -> None:
    """Save the weights of a head in the folder of the store or run that used them."""
    save_tensors(folder / HEAD_FILE, weights)


def read_head(folder: Path, expected: str) -> dict[str, Tensor]:
    """Read the weights of a head.

    Args:
        folder: the store or run.
        expected: hash of the weights.

    Raises:
        WeightsError: the file is missing or damaged, or has another hash.
    """
    path = folder / HEAD_FILE
    try:
        weights, _ = load_tensors(path)
    except (FileNotFoundError, SafetensorError) as error:
        raise WeightsError(
            f"{path} cannot be read: {error}; restore the file that was created with {folder}"
        ) from error
    actual = weights_hash(weights)
    if actual != expected:
        raise WeightsError(
            f"{path} has the hash {actual}, expected {expected}; "
            f"restore the file that was created with {folder}"
        )
    return weights
