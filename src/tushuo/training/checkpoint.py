"""What training goes on from: one safetensors file, no pickle, replaced in one rename."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from tushuo.errors import RunError
from tushuo.old_names import upgrade_weights
from tushuo.runtime import write_bytes
from tushuo.training.weight_average import Average


@dataclass
class EpochRow:
    """One line of the curve.

    Attributes:
        epoch: its number, from 1.
        train_loss, val_loss: nats per word, over real words; self-critical training has no former.
        seconds: time spent in its steps.
        val_cider: CIDEr of the captions said of the validation pictures, where it was asked for.
        reward: mean reward of the captions drawn in self-critical training.
    """

    epoch: int
    train_loss: float | None
    val_loss: float
    seconds: float
    val_cider: float | None = None
    reward: float | None = None


def best_row(rows: Sequence[EpochRow], by: str) -> EpochRow:
    """Return the epoch of the lowest validation loss, or of the highest CIDEr (``by``: cider).

    Of epochs with one CIDEr the loss decides: a captioner of few pictures has none yet.
    """
    if by == "cider":
        return max(rows, key=lambda row: (row.val_cider or 0.0, -row.val_loss))
    return min(rows, key=lambda row: row.val_loss)


@dataclass
class Progress:
    """Where the training stands: the next step to take, and what was seen so far.

    Attributes:
        epoch: epochs finished.
        step: steps finished within the epoch that is on its way.
        loss_sum, words: nats and real words of those steps; rewards and captions where those are
            learned from.
        seconds: time spent in them.
        rows: the finished epochs.
        taken: steps taken since the training began.
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
    progress: Progress,
    average: Average | None = None,
) -> None:
    """Write weights, their average, optimiser and position as one file."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": value for name, value in average.weights.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    metadata = {"progress": msgspec.json.encode(progress).decode()}
    write_bytes(path, save({name: value.contiguous() for name, value in tensors.items()}, metadata))


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: Optimizer, average: Average | None = None
) -> Progress:
    """Put weights, their average and the optimiser back and return the position.

    Raises:
        RunError: the file is damaged or of another model.
    """
    try:
        with safe_open(path, "pt") as file:
            progress = msgspec.json.decode(file.metadata()["progress"], type=Progress)
            tensors = upgrade_weights(
                {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            )
        model.load_state_dict(_part(tensors, "model."))
        if average is not None:
            average.load(_part(tensors, "average."))
    except (SafetensorError, RuntimeError, KeyError, TypeError, msgspec.DecodeError) as error:
        raise RunError(
            f"{path} cannot be gone on from: {error}; delete it to begin anew"
        ) from error
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return progress


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
