"""Where InceptionV3's weights are, and how files of Keras, torchvision and timm are read."""

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
        checksum="sha256:0cc3c7bd",  # as torch hub names files: by the hash's first digits
    ),
)
# Where the tools of the lesson keep the same files.
OTHER_FOLDERS = (Path(".keras/models"), Path(".cache/torch/hub/checkpoints"))


def find_weights(progress: Progress | None) -> Path:
    """Return where a file of weights is kept, or fetch one, with ``progress``.

    Raises:
        WeightsError: it is nowhere; the message names the files, their addresses and their place.
    """
    folders = [_folder(), *(Path.home() / other for other in OTHER_FOLDERS)]
    found = (folder / known.name for folder in folders for known in KNOWN)
    return next((path for path in found if path.is_file()), None) or _fetched(progress)


def _folder() -> Path:
    return cache_folder() / "weights"


def _fetched(progress: Progress | None) -> Path:
    """Try the known addresses; say what a user without a connection can do."""
    tried = ", and only extract and train fetch them"
    if progress is not None:
        for known in KNOWN:
            try:
                return fetch(known, _folder() / known.name, progress=progress)
            except FetchError as error:
                tried = f" ({error})"
    raise WeightsError(
        f"the weights of inception_v3 are not here{tried}; put {KNOWN[0].address} "
        f"or {KNOWN[1].address} into {_folder()}, or name a file with "
        "--weights; offline, use --encoder efficientnet_lite2, whose weights are installed"
    )


class Layer(NamedTuple):
    """The numbers of one convolution and its BatchNorm; Keras has no gamma here."""

    weight: Tensor  # (out, in, rows, columns)
    gamma: Tensor | None
    beta: Tensor
    mean: Tensor
    variance: Tensor


def read_layers(path: Path, names: list[str]) -> list[Layer]:
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
        Layer(
            tensors[f"{name}.conv.weight"],
            *(tensors[f"{name}.bn.{part}"] for part in ("weight", "bias")),
            *(tensors[f"{name}.bn.running_{part}"] for part in ("mean", "var")),
        )
        for name in names
    ]


def _keras_layers(path: Path) -> list[Layer]:
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
        Layer(kernel.permute(3, 2, 0, 1), None, beta, mean, variance)
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
