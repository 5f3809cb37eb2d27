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
from torch import Tensor
from torch.nn.functional import cross_entropy

from tushuo.decoders.base import Decoder
from tushuo.errors import SettingError
from tushuo.runtime import write_bytes
from tushuo.train.batches import Example, collate, epoch_order
from tushuo.train.checkpoint import EpochRow, Progress, load_checkpoint, save_checkpoint

ReadRegions = Callable[[list[int]], Float[Tensor, "P R D"]]


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
    seconds_left: float


@dataclass(frozen=True, kw_only=True)
class Watcher:
    """What the outside sees of a training, and how it stops one.

    Attributes:
        step: called after each step.
        epoch: called after each epoch, with the decoder and all epochs so far.
        stop: asked after each step; True saves and ends.
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

    Returns:
        A row for each epoch. If ``watcher.stop`` ended it, fewer than ``config.epochs``.
    """
    bf16 = config.precision == "bfloat16"
    accelerator = Accelerator(mixed_precision="bf16" if bf16 else "no")
    optimizer = torch.optim.Adam(decoder.parameters(), lr=config.learning_rate)
    last = folder / "last.safetensors"
    progress = load_checkpoint(last, decoder, optimizer) if last.exists() else Progress()
    model = accelerator.prepare(decoder)

    def keep() -> None:
        if accelerator.is_main_process:
            save_checkpoint(last, decoder, optimizer, progress)

    saved = time.monotonic()
    for epoch in range(progress.epoch, config.epochs):
        order = epoch_order(training, config.batch_size, config.seed, epoch)
        model.train()
        for step in range(progress.step, len(order)):
            began = time.monotonic()
            places = order[step]
            torch.manual_seed(_step_seed(config.seed, epoch, step, accelerator.process_index))
            mine = places[accelerator.process_index :: accelerator.num_processes]
            batch = collate([training[place] for place in mine or places[:1]])
            regions = read_regions(batch.rows).to(accelerator.device)
            with accelerator.autocast():
                logits = model(regions, batch.words, batch.pictures)
                loss = cross_entropy(logits.float(), batch.targets, reduction="sum")
            loss = loss if mine else loss * 0  # a process without pictures only keeps step
            words = len(batch.targets) if mine else 0
            totals = accelerator.reduce(torch.tensor([loss.item(), words], dtype=torch.float64))
            # Processes average their gradients; the mean over all words needs the sum.
            accelerator.backward(loss * accelerator.num_processes / totals[1].item())
            if config.clip_norm is not None:
                accelerator.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()
            optimizer.zero_grad()
            progress.step = step + 1
            progress.loss_sum += totals[0].item()
            progress.words += int(totals[1].item())
            seconds = time.monotonic() - began
            progress.seconds += seconds
            captions = sum(len(training[place].captions) for place in places)
            left = (config.epochs - epoch) * len(order) - step - 1
            watcher.step(
                Moment(
                    epoch + 1,
                    config.epochs,
                    step + 1,
                    len(order),
                    progress.loss_sum / progress.words,
                    captions / seconds,
                    left * progress.seconds / (step + 1),
                )
            )
            if watcher.stop():
                keep()
                return progress.rows
            if time.monotonic() - saved > watcher.save_every_seconds:
                keep()
                saved = time.monotonic()
        val_loss = mean_loss(decoder, validation, read_regions)
        row = EpochRow(epoch + 1, progress.loss_sum / progress.words, val_loss, progress.seconds)
        best = val_loss < progress.best
        progress = Progress(epoch=epoch + 1, rows=[*progress.rows, row])
        if accelerator.is_main_process:
            if best:
                write_bytes(folder / "best.safetensors", save(decoder.state_dict()))
            watcher.epoch(decoder.eval(), progress.rows)
        keep()
    return progress.rows


@torch.inference_mode()
def mean_loss(decoder: Decoder, examples: Sequence[Example], read_regions: ReadRegions) -> float:
    """Return the teacher-forced loss, in nats per real word."""
    decoder.eval()
    total, words = 0.0, 0
    for start in range(0, len(examples), 16):
        batch = collate(examples[start : start + 16])
        logits = decoder(read_regions(batch.rows), batch.words, batch.pictures)
        total += cross_entropy(logits, batch.targets, reduction="sum").item()
        words += len(batch.targets)
    return total / words


def _step_seed(seed: int, epoch: int, step: int, process: int) -> int:
    """Seed of one step's dropout: different for every step and process, the same after a resume."""
    return hash((seed, epoch, step, process)) & 0x7FFF_FFFF
