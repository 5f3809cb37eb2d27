"""The training loop: teacher forcing, cross-entropy over real words, exact resume."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
from accelerate import Accelerator
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tushuo.decoders.base import Decoder
from tushuo.errors import SettingError
from tushuo.runtime import write_bytes
from tushuo.train.batches import Example, collate, epoch_order
from tushuo.train.checkpoint import EpochRow, Progress, load_checkpoint, save_checkpoint

ReadRegions = Callable[[list[int]], Float[Tensor, "P R D"]]
VALIDATION_PICTURES = 16  # of one forward pass


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of the training."""

    epochs: Annotated[int, "passes over the training captions"] = 20
    batch_size: Annotated[int, "captions a step, at least; pictures stay whole"] = 64
    learning_rate: Annotated[float, "of Adam"] = 1e-3
    clip_norm: Annotated[float | None, "gradients are scaled down to this norm"] = 5.0
    precision: Annotated[
        Literal["float32", "bfloat16"], "bfloat16 is faster where the machine has it"
    ] = "float32"
    seed: Annotated[int, "decides first weights, order and dropout"] = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("epochs", "batch_size", "learning_rate", "clip_norm"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise SettingError(f"{name} was {value}, it must be above 0")


@dataclass(frozen=True)
class Moment:
    """What a watcher is told after each step."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    captions_per_second: float


@dataclass(frozen=True, kw_only=True)
class Watcher:
    """What the outside sees of a training, and how it stops one.

    Attributes:
        step: called after each step.
        epoch: called after each epoch, with the decoder and all epochs so far.
        stop: asked before each step; True saves after it and ends.
        save_every_seconds: how much work a kill can cost.
    """

    step: Callable[[Moment], None] = lambda moment: None
    epoch: Callable[[Decoder, list[EpochRow]], None] = lambda decoder, rows: None
    stop: Callable[[], bool] = lambda: False
    save_every_seconds: float = 60.0


def fit(
    decoder: Decoder,
    training: Sequence[Example],
    validation: Sequence[Example],
    read_regions: ReadRegions,
    config: TrainConfig,
    folder: Path,
    watcher: Watcher,
) -> list[EpochRow]:
    """Train until all epochs are done, from the folder's last checkpoint if it has one.

    The order of the pictures and the dropout of a step depend on the seed and the step's number
    alone; with weights and optimiser stored, a killed and resumed run equals one that ran through.
    Under torchrun, every process takes its share of each batch, and the first one writes.

    Returns:
        A row for each epoch. If ``watcher.stop`` ended it, fewer than ``config.epochs``.
    """
    bf16 = config.precision == "bfloat16"
    accelerator = Accelerator(mixed_precision="bf16" if bf16 else "no")
    decoder.to(accelerator.device)  # before the optimiser, which keeps its numbers beside them
    optimizer = torch.optim.Adam(decoder.parameters(), lr=config.learning_rate)
    last = folder / "last.safetensors"
    progress = load_checkpoint(last, decoder, optimizer) if last.exists() else Progress()
    model = accelerator.prepare(decoder)
    learner = _Learner(accelerator, model, optimizer, read_regions, config)

    def keep() -> None:
        if accelerator.is_main_process:
            save_checkpoint(last, decoder, optimizer, progress)

    saved = time.monotonic()
    for epoch in range(progress.epoch, config.epochs):
        order = epoch_order(training, config.batch_size, config.seed, epoch)
        model.train()
        for step in range(progress.step, len(order)):
            batch = [training[place] for place in order[step]]
            stopped = learner.step(batch, progress, watcher.stop())
            watcher.step(_moment(progress, config.epochs, len(order), batch))
            if stopped:
                keep()
                return progress.rows
            if time.monotonic() - saved > watcher.save_every_seconds:
                keep()
                saved = time.monotonic()
        val_loss = learner.mean_loss(decoder, validation)
        row = EpochRow(epoch + 1, progress.loss_sum / progress.words, val_loss, progress.seconds)
        best = val_loss < progress.best
        progress = Progress(epoch=epoch + 1, rows=[*progress.rows, row])
        if accelerator.is_main_process:
            if best:
                write_bytes(folder / "best.safetensors", save(decoder.state_dict()))
            watcher.epoch(decoder.eval(), progress.rows)
        keep()
    return progress.rows


@dataclass(frozen=True)
class _Learner:
    """One process's part in the steps of a training."""

    accelerator: Accelerator
    model: nn.Module
    optimizer: torch.optim.Optimizer
    read_regions: ReadRegions
    config: TrainConfig

    def step(self, examples: Sequence[Example], progress: Progress, stop: bool) -> bool:
        """Learn from this process's share of a batch; say whether any process is to stop."""
        began, accelerator = time.monotonic(), self.accelerator
        process, count = accelerator.process_index, accelerator.num_processes
        torch.manual_seed(_step_seed(self.config.seed, progress.epoch, progress.step, process))
        mine = examples[process::count]
        with accelerator.autocast():
            loss, words = self._loss(self.model, mine or examples[:1])
        if not mine:  # a process without pictures only keeps step
            loss, words = loss * 0, 0
        loss_sum, all_words, stopped = self._over_all(loss.item(), float(words), float(stop))
        # Processes average their gradients; the mean over all words needs the sum.
        accelerator.backward(loss * count / all_words)
        if self.config.clip_norm is not None:
            accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        progress.step += 1
        progress.loss_sum += loss_sum
        progress.words += int(all_words)
        progress.seconds += time.monotonic() - began
        return stopped > 0

    @torch.inference_mode()
    def mean_loss(self, decoder: Decoder, examples: Sequence[Example]) -> float:
        """Return the teacher-forced loss, in nats per real word; processes share the pictures."""
        decoder.eval()
        mine = examples[self.accelerator.process_index :: self.accelerator.num_processes]
        total, words = 0.0, 0
        for start in range(0, len(mine), VALIDATION_PICTURES):
            loss, count = self._loss(decoder, mine[start : start + VALIDATION_PICTURES])
            total, words = total + loss.item(), words + count
        loss_sum, all_words = self._over_all(total, float(words))
        return loss_sum / all_words

    def _loss(self, model: nn.Module, examples: Sequence[Example]) -> tuple[Tensor, int]:
        """Return the sum of the words' losses, and how many words there are."""
        device = self.accelerator.device
        batch = collate(examples).to(device)
        logits = model(self.read_regions(batch.rows).to(device), batch.words, batch.pictures)
        loss = cross_entropy(logits.float(), batch.targets, reduction="sum")
        return loss, len(batch.targets)

    def _over_all(self, *numbers: float) -> list[float]:
        """Add up numbers over all processes."""
        if self.accelerator.num_processes == 1:
            return list(numbers)
        mine = torch.tensor(numbers, dtype=torch.float32, device=self.accelerator.device)
        return self.accelerator.reduce(mine).tolist()


def _moment(progress: Progress, epochs: int, steps: int, batch: Sequence[Example]) -> Moment:
    """Tell the watcher where the training stands after a step."""
    pace = progress.seconds / progress.step
    return Moment(
        epoch=progress.epoch + 1,
        epochs=epochs,
        step=progress.step,
        steps=steps,
        loss=progress.loss_sum / progress.words,
        captions_per_second=sum(len(example.captions) for example in batch) / pace,
    )


def _step_seed(seed: int, epoch: int, step: int, process: int) -> int:
    """Seed of one step's dropout: different for every step and process, the same after a resume."""
    return hash((seed, epoch, step, process)) & 0x7FFF_FFFF
