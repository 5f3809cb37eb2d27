"""InceptionV3, the lesson's encoder: the grid ``mixed10``, the same numbers as Keras gives.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, table 1. The
layers carry torchvision's names, in the order in which Keras makes them: one list, by which
inception_v3_weights reads the files of Keras, torchvision and timm. Pictures are squashed to a
square and brought to [-1, 1]. Two things differ from torchvision's network, and follow Keras: the
average pools do not count the padded border, and there is no classifier.
"""

from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import NamedTuple, final

import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d

from tushuo.device import device_of, full_float32
from tushuo.encoders.inception_v3_weights import Layer, find_weights, read_layers
from tushuo.encoders.spec import EncoderSpec
from tushuo.errors import SettingError, WeightsError
from tushuo.runtime import Progress, sha256

SIDE, ROWS, WIDTH = 299, 8, 2048
BATCH_NORM_EPSILON = 1e-3


class _Conv(NamedTuple):
    """A convolution of the plan: 3 x 3 with stride 2 is unpadded, the others keep the size."""

    width: int
    rows: int = 1
    columns: int = 1
    stride: int = 1


# One mixed block: branch -> its convolutions; a list in a branch's place is a fork.
_Plan = dict[str, list[_Conv | list[_Conv]]]


def _block_a(pool: int) -> _Plan:
    return {
        "branch1x1": [_Conv(64)],
        "branch5x5": [_Conv(48), _Conv(64, 5, 5)],
        "branch3x3dbl": [_Conv(64), _Conv(96, 3, 3), _Conv(96, 3, 3)],
        "branch_pool": [_Conv(pool)],
    }


def _block_b() -> _Plan:
    return {
        "branch3x3": [_Conv(384, 3, 3, 2)],
        "branch3x3dbl": [_Conv(64), _Conv(96, 3, 3), _Conv(96, 3, 3, 2)],
        "branch_pool": [],
    }


def _block_c(inner: int) -> _Plan:
    across, down = _Conv(inner, 1, 7), _Conv(inner, 7, 1)
    return {
        "branch1x1": [_Conv(192)],
        "branch7x7": [_Conv(inner), across, _Conv(192, 7, 1)],
        "branch7x7dbl": [_Conv(inner), down, across, down, _Conv(192, 1, 7)],
        "branch_pool": [_Conv(192)],
    }


def _block_d() -> _Plan:
    return {
        "branch3x3": [_Conv(192), _Conv(320, 3, 3, 2)],
        "branch7x7x3": [_Conv(192), _Conv(192, 1, 7), _Conv(192, 7, 1), _Conv(192, 3, 3, 2)],
        "branch_pool": [],
    }


def _block_e() -> _Plan:
    fork: list[_Conv | list[_Conv]] = [[_Conv(384, 1, 3), _Conv(384, 3, 1)]]
    return {
        "branch1x1": [_Conv(320)],
        "branch3x3": [_Conv(384), *fork],
        "branch3x3dbl": [_Conv(448), _Conv(384, 3, 3), *fork],
        "branch_pool": [_Conv(192)],
    }


STEM = {
    "Conv2d_1a_3x3": (_Conv(32, 3, 3, 2), 0),
    "Conv2d_2a_3x3": (_Conv(32, 3, 3), 0),
    "Conv2d_2b_3x3": (_Conv(64, 3, 3), 1),
    "Conv2d_3b_1x1": (_Conv(80), 0),
    "Conv2d_4a_3x3": (_Conv(192, 3, 3), 0),
}  # the second number is the padding
POOLED_AFTER = ("Conv2d_2b_3x3", "Conv2d_4a_3x3")
MIXED = {
    "Mixed_5b": _block_a(32),
    "Mixed_5c": _block_a(64),
    "Mixed_5d": _block_a(64),
    "Mixed_6a": _block_b(),
    "Mixed_6b": _block_c(128),
    "Mixed_6c": _block_c(160),
    "Mixed_6d": _block_c(160),
    "Mixed_6e": _block_c(192),
    "Mixed_7a": _block_d(),
    "Mixed_7b": _block_e(),
    "Mixed_7c": _block_e(),
}


@final
class _Convolution(nn.Module):
    """A convolution with its BatchNorm folded in, and a ReLU."""

    weight: Tensor
    bias: Tensor

    def __init__(self, width: int, plan: _Conv, padding: int | None = None):
        super().__init__()
        self.register_buffer("weight", torch.empty(plan.width, width, plan.rows, plan.columns))
        self.register_buffer("bias", torch.empty(plan.width))
        self.stride = plan.stride
        same = (plan.rows // 2, plan.columns // 2) if plan.stride == 1 else (0, 0)
        self.padding = same if padding is None else (padding, padding)

    def fold(self, layer: Layer) -> None:
        """Take a layer's numbers."""
        if layer.weight.shape != self.weight.shape:
            raise ValueError(
                f"a convolution is {tuple(layer.weight.shape)}, expected {tuple(self.weight.shape)}"
            )
        scale = (layer.variance + BATCH_NORM_EPSILON).rsqrt()
        scale = scale if layer.gamma is None else scale * layer.gamma
        folded = layer.weight * scale[:, None, None, None]
        self.weight = folded.contiguous(memory_format=torch.channels_last)
        self.bias = layer.beta - layer.mean * scale

    def forward(self, x: Float[Tensor, "P C h w"]) -> Float[Tensor, "P C2 h2 w2"]:
        """Convolve, cut off below 0."""
        return conv2d(x, self.weight, self.bias, self.stride, self.padding).relu_()


@final
class _Mixed(nn.Module):
    """Branches side by side, joined along the channels."""

    def __init__(self, width: int, plan: _Plan):
        super().__init__()
        self.plan: list[tuple[str, list[list[str]]]] = []
        self.width = 0
        for branch, steps in plan.items():
            into, names = width, []
            for number, step in enumerate(steps, 1):
                forks = step if isinstance(step, list) else [step]
                stem = f"{branch}_{number}" if len(steps) > 1 else branch
                tails = "ab" if len(forks) > 1 else [""]
                names.append([f"{stem}{tail}" for tail in tails])
                for name, fork in zip(names[-1], forks, strict=True):
                    self.add_module(name, _Convolution(into, fork))
                into = sum(fork.width for fork in forks)
            self.plan.append((branch, names))
            self.width += into

    def forward(self, x: Float[Tensor, "P C h w"]) -> Float[Tensor, "P C2 h2 w2"]:
        """Run every branch and join them."""
        outs = []
        for branch, steps in self.plan:
            y = x
            if branch == "branch_pool":
                y = (
                    avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
                    if steps
                    else max_pool2d(x, 3, stride=2)
                )
            for names in steps:
                y = torch.cat([self.get_submodule(name)(y) for name in names], dim=1)
            outs.append(y)
        return torch.cat(outs, dim=1)


@final
class _Network(nn.Module):
    """Stem and mixed blocks; regions come out as the last grid."""

    def __init__(self) -> None:
        super().__init__()
        width = 3
        for name, (plan, padding) in STEM.items():
            self.add_module(name, _Convolution(width, plan, padding))
            width = plan.width
        for name, mixed in MIXED.items():
            block = _Mixed(width, mixed)
            self.add_module(name, block)
            width = block.width

    def forward(self, x: Float[Tensor, "P 3 h w"]) -> Float[Tensor, "P C h2 w2"]:
        """Run stem and mixed blocks, with the poolings between them."""
        for name, layer in self.named_children():
            x = layer(x)
            if name in POOLED_AFTER:
                x = max_pool2d(x, 3, stride=2)
        return x

    def convolutions(self) -> Iterator[tuple[str, _Convolution]]:
        """Go through the convolutions in Keras' order, by torchvision's names."""
        for name, layer in self.named_modules():
            if isinstance(layer, _Convolution):
                yield name, layer


@final
class InceptionV3:
    """A frozen InceptionV3."""

    def __init__(self, path: Path, device: str | torch.device = "cpu"):
        network = _Network()
        try:
            layers = read_layers(path, [name for name, _ in network.convolutions()])
            for (_, convolution), layer in zip(network.convolutions(), layers, strict=True):
                convolution.fold(layer)
        except (
            KeyError, ValueError, RuntimeError, OSError, EOFError, SafetensorError, UnpicklingError,
        ) as error:  # fmt: skip
            raise WeightsError(
                f"{path} does not hold the weights of inception_v3: {error}; expected the file of "
                f"Keras (.h5, without top), torchvision (.pth) or timm (.safetensors)"
            ) from error
        self._network = network.eval().to(device)
        self.spec = EncoderSpec(
            name="inception_v3",
            side=SIDE,
            resize="squash",
            filter="bilinear",
            rows=ROWS,
            columns=ROWS,
            width=WIDTH,
            weights=sha256(path)[:16],
        )

    @torch.inference_mode()
    @full_float32()
    def __call__(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P R D"]:
        """Encode square RGB pictures, 0 to 255."""
        x = pictures.to(device_of(self._network)).float() / 127.5 - 1
        grid = self._network(x.contiguous(memory_format=torch.channels_last))
        return grid.flatten(2).transpose(1, 2)


def load(
    name: str,
    weights: Path | None = None,
    progress: Progress | None = None,
    device: str | torch.device = "cpu",
) -> InceptionV3:
    """Load the weights from a file, from where they are kept, or, with ``progress``, by network.

    Raises:
        SettingError: the name asks for another side than the lesson's.
        WeightsError: they are nowhere; the message names the file, its address and its place.
        MissingPartError: a Keras file wants h5py, which is not installed.
    """
    if name != "inception_v3":
        raise SettingError(
            f"encoder {name!r} asks for another side, and inception_v3 sees {SIDE} pixels as the "
            "lesson's does; name it inception_v3, or choose an efficientnet_lite"
        )
    return InceptionV3(weights or find_weights(progress), device)
