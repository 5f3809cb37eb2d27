"""The weights of a run, best.safetensors: those of the decoder and of a fine-tuned encoder head."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from tushuo.decoders.base import Decoder
from tushuo.errors import RunError
from tushuo.old_names import upgrade_weights
from tushuo.quantization import dequantize
from tushuo.tensor_files import load_tensors

BEST = "best.safetensors"
HEAD_PREFIX = "encoder."  # of the head's weights


def load_weights(folder: Path, decoder: Decoder) -> dict[str, Tensor]:
    """Load the weights of a run into its decoder; return those of the encoder's head.

    Raises:
        RunError: they are missing or damaged, or do not fit the decoder.
    """
    path = folder / BEST
    try:
        stored, _ = load_tensors(path)
    except FileNotFoundError as error:
        raise RunError(f"{folder} has no weights yet; train for at least one epoch") from error
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"{path} is damaged: {error}; restore it from a copy, or train again (a model that "
            "comes with tushuo: install tushuo again)"
        ) from error
    weights, head = _split_weights(dequantize(stored))
    weights = upgrade_weights(weights)
    misfit = _misfit(decoder.state_dict(), weights)
    if misfit:
        raise RunError(
            f"{path} does not fit the settings in run.json: {misfit}; restore both files of the "
            "same run"
        )
    decoder.load_state_dict(weights)
    return head


def merge_weights(decoder: Decoder, head: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the content of the file: a decoder's weights and a fine-tuned head's."""
    prefixed = {f"{HEAD_PREFIX}{name}": weight.contiguous() for name, weight in head.items()}
    return decoder.state_dict() | prefixed


def _split_weights(weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Separate the decoder's weights from the head's."""
    decoder = {name: w for name, w in weights.items() if not name.startswith(HEAD_PREFIX)}
    head = {n.removeprefix(HEAD_PREFIX): weights[n] for n in weights.keys() - decoder.keys()}
    return decoder, head


def _misfit(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str | None:
    """Describe the first difference between two sets of weights; None where there is none."""
    for name in (*expected, *weights):
        ours, theirs = expected.get(name), weights.get(name)
        if ours is None or theirs is None:
            return f"{name} is {'missing' if theirs is None else 'not among the decoder weights'}"
        if ours.shape != theirs.shape:
            shapes = (" x ".join(map(str, one.shape)) for one in (theirs, ours))
            return "{} has {} numbers, the settings require {}".format(name, *shapes)
    return None
