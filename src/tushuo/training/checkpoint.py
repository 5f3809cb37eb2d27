"""Checkpoints of a training: one safetensors file, no pickle, replaced in one rename."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.optim import Optimizer

from tushuo.errors import RunError
from tushuo.old_names import upgrade_weights
from tushuo.tensor_files import load_tensors, save_tensors
from tushuo.training.weight_average import WeightAverage


@dataclass
class EpochRow:
    """Measurements of one epoch, a row of log.csv.

    Attributes:
        epoch: its number, from 1.
        train_loss, val_loss: nats per word, padding excluded; self-critical training has no
            ``train_loss``.
        seconds: time spent in its steps.
        val_cider: CIDEr of generated captions of the validation pictures, with ``best_by`` cider.
        reward: mean reward of the sampled captions, in self-critical training.
    """

    epoch: int
    train_loss: float | None
    val_loss: float
    seconds: float
    val_cider: float | None = None
    reward: float | None = None


def best_row(rows: Sequence[EpochRow], by: str) -> EpochRow:
    """Return the epoch with the lowest validation loss, or the highest CIDEr (``by``: cider).

    Among equal CIDErs the loss decides: in the first epochs CIDEr is often 0.
    """
    if by == "cider":
        return max(rows, key=lambda row: (row.val_cider or 0.0, -row.val_loss))
    return min(rows, key=lambda row: row.val_loss)


@dataclass
class TrainingState:
    """Position of a training and what it has measured so far.

    Attributes:
        epoch: number of finished epochs.
        step: number of finished steps of the current epoch.
        loss_sum, words: summed loss in nats, and number of words, of those steps; in self-critical
            training, summed reward and number of captions.
        seconds: time spent in those steps.
        rows: the finished epochs.
        taken: number of steps since the training began.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    words: int = 0
    seconds: float = 0.0
    rows: list[EpochRow] = field(default_factory=list)
    taken: int = 0


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: Optimizer,
    state: TrainingState,
    average: WeightAverage | None = None,
) -> None:
    """Write weights, their moving average, optimiser and training state as one file."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": value for name, value in average.weights.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
    metadata = {"progress": msgspec.json.encode(state).decode()}
    save_tensors(path, tensors, metadata)


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: Optimizer, average: WeightAverage | None = None
) -> TrainingState:
    """Restore weights, their moving average and the optimiser, and return the training state.

    Raises:
        RunError: the file is damaged or belongs to another model.
    """
    try:
        stored, metadata = load_tensors(path)
        state = msgspec.json.decode(metadata["progress"], type=TrainingState)
        tensors = upgrade_weights(stored)
        model.load_state_dict(_with_prefix(tensors, "model."))
        if average is not None:
            average.load(_with_prefix(tensors, "average."))
    except (SafetensorError, RuntimeError, KeyError, TypeError, msgspec.DecodeError) as error:
        raise RunError(
            f"training cannot be resumed from {path}: {error}; delete it to start again"
        ) from error
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _with_prefix(tensors, "optimizer.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    return state


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
