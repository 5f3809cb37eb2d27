"""Find the weights of InceptionV3, and read the files of Keras, torchvision and timm."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor

from tushuo.errors import FetchError, MissingPartError, WeightsError
from tushuo.fetch import Fetched, fetch
from tushuo.runtime import Progress, cache_folder

KNOWN = (
    Fetched(
        "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
        "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        checksum="md5:bcbd6486424b2319ff4ef7d526e38f63",
    ),
    Fetched(
        "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
        checksum="sha256:0cc3c7bd",  # the first digits, as in the file's name
    ),
)
# Where Keras and torchvision cache the same files.
OTHER_FOLDERS = (Path(".keras/models"), Path(".cache/torch/hub/checkpoints"))


def find_weights(progress: Progress | None) -> Path:
    """Return the path of a weights file; with ``progress``, download one if there is none.

    Raises:
        WeightsError: there is none; the message names the files, their addresses and the folder
            to put them in.
    """
    folders = [_folder(), *(Path.home() / other for other in OTHER_FOLDERS)]
    paths = (folder / known.name for folder in folders for known in KNOWN)
    return next((path for path in paths if path.is_file()), None) or _download(progress)


def _folder() -> Path:
    return cache_folder() / "weights"


def _download(progress: Progress | None) -> Path:
    """Try the known addresses; without success, explain what to do offline."""
    reason = ", and only extract and train download them"
    if progress is not None:
        for known in KNOWN:
            try:
                return fetch(known, _folder() / known.name, progress=progress)
            except FetchError as error:
                reason = f" ({error})"
    raise WeightsError(
        f"the weights of inception_v3 are not on this machine{reason}; put {KNOWN[0].address} "
        f"or {KNOWN[1].address} into {_folder()}, or name a file with "
        "--weights; offline, use --encoder efficientnet_lite2, whose weights are installed"
    )


class Layer(NamedTuple):
    """The weights of one convolution and its BatchNorm, which has no gamma in Keras."""

    weight: Tensor  # (out, in, rows, columns)
    gamma: Tensor | None
    beta: Tensor
    mean: Tensor
    variance: Tensor


def read_layers(path: Path, names: list[str]) -> list[Layer]:
    """Read the layers of a file of any of the three kinds, in the order of ``names``."""
    with path.open("rb") as file:
        magic = file.read(8)
    if magic == b"\x89HDF\r\n\x1a\n":
        return _keras_layers(path)
    if magic.startswith(b"PK"):  # a zip archive, as torch.save writes
        tensors = torch.load(path, weights_only=True, map_location="cpu")
    else:
        tensors = load_file(path)
    return [
        Layer(
            tensors[f"{name}.conv.weight"],
            *(tensors[f"{name}.bn.{part}"] for part in ("weight", "bias")),
            *(tensors[f"{name}.bn.running_{part}"] for part in ("mean", "var")),
        )
        for name in names
    ]


def _keras_layers(path: Path) -> list[Layer]:
    """Read a file of Keras 2 or 3; layers are numbered in the order of their creation."""
    try:
        import h5py
    except ImportError as error:
        raise MissingPartError(
            f"{path.name} is a Keras file, which requires h5py; "
            "install it with: pip install 'tushuo[h5]'"
        ) from error
    tensors: dict[str, list[list[Any]]] = {"conv2d": [], "batch_normalization": []}
    with h5py.File(path) as file:
        for kind, layers in tensors.items():
            variables = sorted(_keras_variables(file, kind), key=lambda pair: _number(pair[0]))
            layers += [[torch.from_numpy(array[()]) for array in arrays] for _, arrays in variables]
    return [
        Layer(kernel.permute(3, 2, 0, 1), None, beta, mean, variance)
        for (kernel,), (beta, mean, variance) in zip(*tensors.values(), strict=True)
    ]


def _keras_variables(file: Any, kind: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the names of a kind's layers with their arrays, in Keras' order of variables."""
    if "layers" in file:  # Keras 3: the layer's own name is an attribute
        for layer in file["layers"].values():
            name = layer["vars"].attrs.get("name", "") if "vars" in layer else ""
            if re.fullmatch(rf"{kind}(_\d+)?", name):
                yield name, [layer["vars"][key] for key in sorted(layer["vars"], key=int)]
        return
    layers = file.get("model_weights", file)
    for name, layer in layers.items():
        if re.fullmatch(rf"{kind}(_\d+)?", name):
            names = (n.decode() if isinstance(n, bytes) else n for n in layer.attrs["weight_names"])
            yield name, [layer[variable] for variable in names]


def _number(name: str) -> int:
    return int((re.findall(r"_(\d+)$", name) or ["0"])[0])
