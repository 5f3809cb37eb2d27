"""Safetensors files that carry a checksum of their content, so that damage is found at loading.

The format itself has none: overwritten bytes are other weights. The checksum is part of the file's
metadata, hence written in the same rename as the weights. Files of earlier versions have none; they
are read unchecked.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tushuo.runtime import write_bytes

CHECKSUM = "sha256"  # key of the metadata


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors, metadata and their checksum as one file, atomically."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = dict(metadata or {})
    write_bytes(path, save(contiguous, content | {CHECKSUM: _checksum(contiguous, content)}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a file's tensors and metadata.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be read.
        SafetensorError: it is not a safetensors file, or was changed after it was written.
    """
    with safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata() or {})
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    expected = metadata.pop(CHECKSUM, None)
    if expected is not None and _checksum(tensors, metadata) != expected:
        raise SafetensorError("its content has changed since it was written")
    return tensors, metadata


def _checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 of metadata and of tensors: their names, types, shapes and bytes."""
    digest = hashlib.sha256(repr(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(repr((name, str(tensor.dtype), tuple(tensor.shape))).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
