"""Open a captioning model of transformers: from a folder, the cache, or the hub.

Only safetensors are loaded, and no code of a repository is ever run. The hub is asked only for a
repository that is named and is not in the cache.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError

from tushuo.captioning.huggingface.processors import load_processor
from tushuo.captioning.huggingface.prompts import Family, family_of
from tushuo.encoders.hub import PREFIX, model_folder
from tushuo.errors import MissingPartError, SettingError, WeightsError
from tushuo.runtime import cache_folder, format_bytes, sha256
from tushuo.setting_types import convert_setting

Precision = Literal["auto", "float32", "bfloat16", "float16"]
WITH_CROSS_ATTENTION = ("vision-encoder-decoder", "blip")
MEMORY = Path("/proc/meminfo")
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError,
           SafetensorError)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model with what prepares its input.

    Attributes:
        name: as given, ``hf:`` and a folder or a repository.
        folder: its files; of a repository, in the hub's cache.
        model: the network, in evaluation mode.
        processor: prepares pictures and prompts; of models without one, the image processor.
        tokenizer: the tokenizer of its texts.
        family: how it is asked.
        model_type: its type in config.json.
        revision: the commit of a repository, or the hash of a folder's weights; 16 hex digits.
        device: where it runs.
    """

    name: str
    folder: Path
    model: Any
    processor: Any
    tokenizer: Any
    family: Family
    model_type: str
    revision: str
    device: torch.device


def open_model(
    name: str,
    *,
    device: torch.device,
    precision: Precision = "auto",
    message: Callable[[str], None] | None = None,
) -> Loaded:
    """Open ``hf:FOLDER`` or ``hf:OWNER/MODEL``, perhaps with ``@REVISION``.

    Args:
        name: the model.
        device: where it runs.
        precision: numbers of the network; auto: float32 on a CPU, bfloat16 elsewhere.
        message: receives a sentence before a download, and one about memory before loading.

    Raises:
        MissingPartError: transformers is not installed.
        WeightsError: there is no such model, it has no safetensors, or it does not fit in memory.
        SettingError: it is not a captioning model that can be used.
    """
    transformers = _import(name)
    if name == PREFIX:
        raise SettingError("hf: names no model; expected hf:OWNER/MODEL or hf:FOLDER")
    folder = model_folder(name, message=message)
    config = _config(folder, name)
    model_type = _model_type(transformers, config, name)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise WeightsError(
            f"{name} has no *.safetensors, and other weights may contain code; choose a revision "
            "with safetensors, such as one converted by the hub"
        )
    kind = _torch_type(precision, device)
    needs = _require_memory(name, weights, config, kind, device)
    if message is not None:
        message(needs)
    try:
        with quiet(transformers):
            processor, tokenizer = load_processor(folder, model_type)
            family = family_of(model_type, processor, name)
            model = _load_network(transformers, folder, model_type, kind)
    except SettingError:
        raise
    except DAMAGED as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"{name} cannot be opened: {reason}; copy or download it again"
        ) from error
    return Loaded(
        name=name,
        folder=folder,
        model=model.to(device),
        processor=processor,
        tokenizer=tokenizer,
        family=family,
        model_type=model_type,
        revision=_commit(folder) or _hash(weights, folder),
        device=device,
    )


def _model_type(transformers: Any, config: dict[str, Any], name: str) -> str:
    """Return the type of a model, if transformers knows it as a captioning model."""
    model_type = str(config.get("model_type"))
    if model_type not in _known_types(transformers):
        code = " and would run code of its repository" if "auto_map" in config else ""
        raise SettingError(
            f"{name} is a model of the type {model_type}{code}, which transformers "
            f"{transformers.__version__} does not know as a captioning model; choose another one"
        )
    return model_type


def _known_types(transformers: Any) -> dict[str, str]:
    names: dict[str, str] = (
        transformers.models.auto.modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    )
    return names


def _load_network(
    transformers: Any, folder: Path, model_type: str, kind: torch.dtype
) -> torch.nn.Module:
    attention = {"attn_implementation": "eager"} if model_type in WITH_CROSS_ATTENTION else {}
    model: torch.nn.Module = transformers.AutoModelForImageTextToText.from_pretrained(
        folder, use_safetensors=True, local_files_only=True, dtype=kind, **attention
    )
    return model.eval().requires_grad_(False)


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Keep progress bars and remarks of transformers away from the user's terminal."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def cached_models() -> list[str]:
    """Return the captioning models in the hub's cache, each with its size.

    Raises:
        MissingPartError: transformers is not installed.
    """
    transformers = _import("the list of cached models")
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return []
    known = _known_types(transformers)
    found = []
    for one in repositories:
        configs = [
            file.file_path
            for revision in one.revisions
            for file in revision.files
            if file.file_name == "config.json"
        ]
        types = {json.loads(path.read_bytes()).get("model_type") for path in configs}
        if types & known.keys():
            found.append(f"hf:{one.repo_id}, {format_bytes(one.size_on_disk)}")
    return sorted(found)


def calibration_folder(name: str, revision: str) -> Path:
    """Return the folder, in the cache, of the calibrations of a model."""
    key = sha256(f"{name} {revision}".encode())[:16]
    return cache_folder() / "calibrations" / key


def _import(name: str) -> Any:
    try:
        import transformers
        import transformers.models.auto.modeling_auto
    except ImportError as error:
        raise MissingPartError(
            f"{name} requires transformers; install it with: pip install 'tushuo[huggingface]'"
        ) from error
    return transformers


def _commit(folder: Path) -> str | None:
    """Return the commit of a repository in the hub's cache; None for other folders."""
    return folder.name[:16] if folder.parent.name == "snapshots" else None


def _config(folder: Path, name: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{name} has no readable config.json; name a model's folder") from error
    if not isinstance(config, dict) or not config.get("model_type"):
        raise WeightsError(f"{name}: config.json names no model_type; name a model's folder")
    return config


def _torch_type(precision: Precision, device: torch.device) -> torch.dtype:
    convert_setting("precision", precision, Precision)
    if precision == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    kind: torch.dtype = getattr(torch, precision)
    return kind


def _require_memory(
    name: str, weights: list[Path], config: dict[str, Any], kind: torch.dtype, device: torch.device
) -> str:
    """Return how much memory a model needs; refuse it if its weights alone are larger than it."""
    stored = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    width = 2 if stored in ("float16", "bfloat16") else 4
    needed = sum(path.stat().st_size for path in weights) * kind.itemsize // width
    free = _free_memory(device)
    if free is not None and needed > free:
        raise WeightsError(
            f"{name} needs {format_bytes(needed)} of memory for its weights, but "
            f"{format_bytes(free)} are free; choose a smaller model, or --precision bfloat16"
        )
    known = "" if free is None else f" of {format_bytes(free)} that are free"
    return f"{name}: its weights take {format_bytes(needed)} of memory{known}"


def _free_memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if not MEMORY.exists():  # not Linux
        return None
    for line in MEMORY.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _hash(weights: list[Path], folder: Path) -> str:
    """Hash a folder's weights and settings; a gigabyte takes about a second."""
    digest = hashlib.sha256()
    for path in [*weights, *sorted(folder.glob("*.json"))]:
        digest.update(f"{path.name} {sha256(path)}\n".encode())
    return digest.hexdigest()[:16]
