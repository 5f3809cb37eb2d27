"""InceptionV3, the lesson's encoder: the grid ``mixed10``, the same numbers as Keras gives.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, table 1. The
layers carry torchvision's names, in the order in which Keras makes them, so that files of Keras,
torchvision and timm are all read through one list. Pictures are squashed to a square and brought to
[-1, 1]. Two things differ from torchvision's network, and follow Keras: the average pools do not
count the padded border, and there is no classifier.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d

from tushuo.encoders.spec import EncoderSpec
from tushuo.errors import FetchError, MissingPartError, SettingError, WeightsError
from tushuo.fetch import Fetched, fetch
from tushuo.runtime import Progress, cache_folder, sha256

SIDE, ROWS, WIDTH = 299, 8, 2048
BATCH_NORM_EPSILON = 1e-3

KNOWN = (
    Fetched(
        "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
        "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        checksum="md5:bcbd6486424b2319ff4ef7d526e38f63",
    ),
    Fetched(
        "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
        checksum="sha256:0cc3c7bd",  # as torch hub names files: by the hash's first digits
    ),
)
# Where the tools of the lesson keep the same files.
OTHER_FOLDERS = (Path(".keras/models"), Path(".cache/torch/hub/checkpoints"))


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

    def fold(self, layer: "_Layer") -> None:
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

    def __init__(self, path: Path):
        network = _Network()
        try:
            layers = _layers(path, [name for name, _ in network.convolutions()])
            for (_, convolution), layer in zip(network.convolutions(), layers, strict=True):
                convolution.fold(layer)
        except (
            KeyError, ValueError, RuntimeError, OSError, EOFError, SafetensorError, UnpicklingError,
        ) as error:  # fmt: skip
            raise WeightsError(
                f"{path} does not hold the weights of inception_v3: {error}; expected the file of "
                f"Keras (.h5, without top), torchvision (.pth) or timm (.safetensors)"
            ) from error
        self._network = network.eval()
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
    def __call__(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P R D"]:
        """Encode square RGB pictures, 0 to 255."""
        x = pictures.float() / 127.5 - 1
        grid = self._network(x.contiguous(memory_format=torch.channels_last))
        return grid.flatten(2).transpose(1, 2)


def load(name: str, weights: Path | None = None, progress: Progress | None = None) -> InceptionV3:
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
    return InceptionV3(weights or _kept() or _fetched(name, progress))


def _kept() -> Path | None:
    folders = [_folder(), *(Path.home() / other for other in OTHER_FOLDERS)]
    found = (folder / known.name for folder in folders for known in KNOWN)
    return next((path for path in found if path.is_file()), None)


def _folder() -> Path:
    return cache_folder() / "weights"


def _fetched(name: str, progress: Progress | None) -> Path:
    """Try the known addresses; say what a user without a connection can do."""
    tried = ", and only extract and train fetch them"
    if progress is not None:
        for known in KNOWN:
            try:
                return fetch(known, _folder() / known.name, progress=progress)
            except FetchError as error:
                tried = f" ({error})"
    raise WeightsError(
        f"the weights of {name} are not here{tried}; put {KNOWN[0].address} "
        f"or {KNOWN[1].address} into {_folder()}, or name a file with "
        "--weights; offline, use --encoder efficientnet_lite2, whose weights are installed"
    )


class _Layer(NamedTuple):
    """The numbers of one convolution and its BatchNorm; Keras has no gamma here."""

    weight: Tensor  # (out, in, rows, columns)
    gamma: Tensor | None
    beta: Tensor
    mean: Tensor
    variance: Tensor


def _layers(path: Path, names: list[str]) -> list[_Layer]:
    """Read the layers of any of the three kinds of file, in the order of ``names``."""
    with path.open("rb") as file:
        head = file.read(8)
    if head == b"\x89HDF\r\n\x1a\n":
        return _keras_layers(path)
    zipped = head.startswith(b"PK")
    if zipped:
        tensors = torch.load(path, weights_only=True, map_location="cpu")
    else:
        tensors = load_file(path)
    return [
        _Layer(
            tensors[f"{name}.conv.weight"],
            *(tensors[f"{name}.bn.{part}"] for part in ("weight", "bias")),
            *(tensors[f"{name}.bn.running_{part}"] for part in ("mean", "var")),
        )
        for name in names
    ]


def _keras_layers(path: Path) -> list[_Layer]:
    """Read a file of Keras 2 or 3; layers are numbered in the order in which Keras made them."""
    try:
        import h5py
    except ImportError as error:
        raise MissingPartError(
            f"{path.name} is a Keras file, and reading it wants h5py; "
            "install it with: pip install 'tushuo[h5]'"
        ) from error
    numbers: dict[str, list[list[Any]]] = {"conv2d": [], "batch_normalization": []}
    with h5py.File(path) as file:
        for kind, found in numbers.items():
            named = sorted(_keras_variables(file, kind), key=lambda pair: _number(pair[0]))
            found += [[torch.from_numpy(array[()]) for array in arrays] for _, arrays in named]
    return [
        _Layer(kernel.permute(3, 2, 0, 1), None, beta, mean, variance)
        for (kernel,), (beta, mean, variance) in zip(*numbers.values(), strict=True)
    ]


def _keras_variables(file: Any, kind: str) -> Iterator[tuple[str, list[Any]]]:
    """Find the layers of a kind with their arrays, in Keras' order of variables."""
    if "layers" in file:  # Keras 3: the layer's own name is an attribute
        for layer in file["layers"].values():
            own = layer["vars"].attrs.get("name", "") if "vars" in layer else ""
            if re.fullmatch(rf"{kind}(_\d+)?", own):
                yield own, [layer["vars"][key] for key in sorted(layer["vars"], key=int)]
        return
    layers = file.get("model_weights", file)
    for own, layer in layers.items():
        if re.fullmatch(rf"{kind}(_\d+)?", own):
            names = (n.decode() if isinstance(n, bytes) else n for n in layer.attrs["weight_names"])
            yield own, [layer[name] for name in names]


def _number(name: str) -> int:
    return int((re.findall(r"_(\d+)$", name) or ["0"])[0])
