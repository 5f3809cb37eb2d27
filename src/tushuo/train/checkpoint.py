"""What training goes on from: one safetensors file, no pickle, replaced in one rename."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from tushuo.errors import RunError
from tushuo.runtime import write_bytes


@dataclass
class EpochRow:
    """One line of the loss curve; losses are nats per word, over real words."""

    epoch: int
    train_loss: float
    val_loss: float
    seconds: float


@dataclass
class Progress:
    """Where the training stands: the next step to take, and what was seen so far.

    Attributes:
        epoch: epochs finished.
        step: steps finished within the epoch that is on its way.
        loss_sum, words: nats and real words of those steps.
        seconds: time spent in them.
        rows: the finished epochs.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    words: int = 0
    seconds: float = 0.0
    rows: list[EpochRow] = field(default_factory=list)

    @property
    def best(self) -> float:
        """Lowest validation loss so far."""
        return min((row.val_loss for row in self.rows), default=float("inf"))


def save_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer, progress: Progress) -> None:
    """Write weights, optimiser and position as one file."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    metadata = {"progress": msgspec.json.encode(progress).decode()}
    write_bytes(path, save({name: value.contiguous() for name, value in tensors.items()}, metadata))


def load_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer) -> Progress:
    """Put weights and optimiser back and return the position.

    Raises:
        RunError: the file is damaged or of another model.
    """
    try:
        with safe_open(path, "pt") as file:
            progress = msgspec.json.decode(file.metadata()["progress"], type=Progress)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        weights = {
            name.removeprefix("model."): value
            for name, value in tensors.items()
            if name.startswith("model.")
        }
        model.load_state_dict(weights)
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
