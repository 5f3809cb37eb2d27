"""The folder of a Hugging Face model: a local one, or a repository of the hub in its local cache.

A repository is downloaded only if the cache lacks a part of it. Only settings, tokenizers and
safetensors are fetched: neither pickles nor code of a repository ever reach this machine.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from tushuo.errors import WeightsError

PREFIX = "hf:"
FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors", "README.md"]
NEEDED = (  # one file of each row
    ("config.json",),
    ("preprocessor_config.json", "processor_config.json"),
    ("tokenizer.json", "vocab.json", "spiece.model", "tokenizer.model"),
    ("model.safetensors", "model.safetensors.index.json"),
)


def model_folder(source: Path | str, *, message: Callable[[str], None] | None = None) -> Path:
    """Return the folder of a model.

    Args:
        source: a folder, with or without ``hf:``, or ``hf:OWNER/MODEL``, perhaps with ``@`` and a
            branch, tag or commit.
        message: receives a sentence before a download.

    Raises:
        WeightsError: there is no such folder, and no such repository that can be reached.
    """
    name = str(source).removeprefix(PREFIX)
    folder = Path(name)
    if folder.is_dir():
        return folder
    if not str(source).startswith(PREFIX):
        raise WeightsError(
            f"{source}: no such folder; name the folder of a model, or a repository of the Hugging "
            "Face hub as hf:OWNER/MODEL"
        )
    from huggingface_hub import snapshot_download

    repository, _, revision = name.partition("@")
    download = partial(
        snapshot_download, repository, revision=revision or None, allow_patterns=FILES
    )
    try:
        cached = Path(download(local_files_only=True))
    except (OSError, ValueError):
        cached = None
    if cached and _is_complete(cached):
        return cached
    if message is not None:
        message(f"{source} is not in the cache of the hub; downloading it")
    try:
        return Path(download())
    except (OSError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].partition(". ")[0]
        raise WeightsError(
            f"{source} is neither a folder nor in the cache of the Hugging Face hub, and cannot be "
            f"downloaded: {reason}; check its name and the network, or name the folder of a copy"
        ) from error


def _is_complete(folder: Path) -> bool:
    """Return whether a folder has all that a model of pictures and texts needs."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = msgspec.json.decode(index.read_bytes())["weight_map"].values()
        if not all((folder / name).is_file() for name in shards):
            return False
    return all(any((folder / name).is_file() for name in names) for names in NEEDED)
