"""InceptionV3, the encoder of the `lesson` recipe: the output of Keras' layer ``mixed10``.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, table 1. The
layers have torchvision's names and the order in which Keras creates them, so that
inception_v3_weights can read the files of Keras, torchvision and timm. Pictures are squashed to a
square and scaled to [-1, 1]. As in Keras, and unlike in torchvision's network, average pooling does
not count the padded border, and there is no classifier.
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
    """Settings of a convolution; it is padded to keep the grid's size, except with stride 2."""

    width: int
    rows: int = 1
    columns: int = 1
    stride: int = 1


# One mixed block: its branches, each a chain of convolutions; a list in a chain is a fork.
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
    """A convolution with folded BatchNorm, and a ReLU."""

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
        """Set the weights to those of a convolution and its BatchNorm."""
        if layer.weight.shape != self.weight.shape:
            raise ValueError(
                f"a convolution has shape {tuple(layer.weight.shape)}, "
                f"expected {tuple(self.weight.shape)}"
            )
        scale = (layer.variance + BATCH_NORM_EPSILON).rsqrt()
        scale = scale if layer.gamma is None else scale * layer.gamma
        folded = layer.weight * scale[:, None, None, None]
        self.weight = folded.contiguous(memory_format=torch.channels_last)
        self.bias = layer.beta - layer.mean * scale

    def forward(self, x: Float[Tensor, "P C h w"]) -> Float[Tensor, "P C2 h2 w2"]:
        """Convolve and apply the ReLU."""
        return conv2d(x, self.weight, self.bias, self.stride, self.padding).relu_()


@final
class _Mixed(nn.Module):
    """Parallel branches, concatenated along the channels."""

    def __init__(self, width: int, plan: _Plan):
        super().__init__()
        self.plan: list[tuple[str, list[list[str]]]] = []
        self.width = 0
        for branch, steps in plan.items():
            in_width, names = width, []
            for number, step in enumerate(steps, 1):
                forks = step if isinstance(step, list) else [step]
                stem = f"{branch}_{number}" if len(steps) > 1 else branch
                suffixes = "ab" if len(forks) > 1 else [""]
                names.append([f"{stem}{suffix}" for suffix in suffixes])
                for name, fork in zip(names[-1], forks, strict=True):
                    self.add_module(name, _Convolution(in_width, fork))
                in_width = sum(fork.width for fork in forks)
            self.plan.append((branch, names))
            self.width += in_width

    def forward(self, x: Float[Tensor, "P C h w"]) -> Float[Tensor, "P C2 h2 w2"]:
        """Apply every branch and concatenate the outputs."""
        outputs = []
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
            outputs.append(y)
        return torch.cat(outputs, dim=1)


@final
class _Network(nn.Module):
    """The stem and the mixed blocks, up to the last feature map."""

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
        """Apply the stem and the mixed blocks, with pooling between them."""
        for name, layer in self.named_children():
            x = layer(x)
            if name in POOLED_AFTER:
                x = max_pool2d(x, 3, stride=2)
        return x

    def convolutions(self) -> Iterator[tuple[str, _Convolution]]:
        """Yield the convolutions in Keras' order, with torchvision's names."""
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
                f"{path} does not hold the weights of inception_v3; expected the file of "
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
    """Load the weights from a file, from a cache folder, or, with ``progress``, from the network.

    Raises:
        SettingError: the name ends in a side.
        WeightsError: the weights are not available; the message names the files, their addresses
            and the folder to put them in.
        MissingPartError: reading a Keras file requires h5py, which is not installed.
    """
    if name != "inception_v3":
        raise SettingError(
            f"encoder {name!r} ends in a side, but inception_v3 takes pictures of {SIDE} pixels "
            "only; name it inception_v3, or choose an efficientnet_lite"
        )
    return InceptionV3(weights or find_weights(progress), device)
