"""The training loop: steps in a seeded order, an epoch's checks, exact resume."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save
from torch import nn

from tushuo.decoders.base import Decoder
from tushuo.features.regions import ReadRegions
from tushuo.runs.run import merge_weights
from tushuo.runtime import write_bytes
from tushuo.training.batches import Example, epoch_order
from tushuo.training.checkpoint import EpochRow, Progress, best_row
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers
from tushuo.training.learner import Learner
from tushuo.training.self_critical import Reward

LAST, BEST = "last.safetensors", "best.safetensors"


@dataclass(frozen=True)
class StepReport:
    """What a watcher is told after each step.

    Attributes:
        epoch, epochs: the present one, from 1, and how many there are.
        step, steps: the same within the epoch.
        objective, value: ``loss`` or ``reward``, and its mean over the epoch so far.
        captions_per_second: pace of the epoch.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    objective: str
    value: float
    captions_per_second: float


@dataclass(frozen=True, kw_only=True)
class Callbacks:
    """Functions through which a training reports and is stopped; all are optional.

    Attributes:
        progress: called while a training is prepared with a stage (``weights`` in bytes, ``open``
            in pictures), how much of it is done, and the total.
        message: called with each line of text about the training.
        step: called after each step.
        epoch: called after each epoch with the decoder and the rows of all epochs so far.
        validate: returns the CIDEr of a decoder's captions of the validation pictures.
        stop: called before each step; if True, the training ends after it and saves a checkpoint.
        save_every_seconds: time between checkpoints, and so the most work that a kill can cost.
    """

    progress: Callable[[str, int, int], None] = lambda stage, done, total: None
    message: Callable[[str], None] = lambda line: None
    step: Callable[[StepReport], None] = lambda report: None
    epoch: Callable[[Decoder, list[EpochRow]], None] = lambda decoder, rows: None
    validate: Callable[[Decoder], float] | None = None
    stop: Callable[[], bool] = lambda: False
    save_every_seconds: float = 60.0


def fit(
    decoder: Decoder,
    training: Sequence[Example],
    validation: Sequence[Example],
    read_regions: ReadRegions,
    config: TrainConfig,
    folder: Path,
    callbacks: Callbacks,
    reward: Reward | None = None,
    head: nn.Module | None = None,
    teachers: Teachers | None = None,
) -> list[EpochRow]:
    """Train until it is over, from the folder's last checkpoint if it has one.

    The order of the pictures, the dropout and the learning rate of a step depend on the seed and
    the step's number alone; with weights and optimiser stored, a killed and resumed run equals one
    that ran through. Under torchrun, every process takes its share of each batch, and the first one
    writes.

    Args:
        decoder: what learns.
        training: pictures to learn from.
        validation: pictures to check on.
        read_regions: rows in, regions out.
        config: settings.
        folder: the run folder.
        watcher: what the outside sees; its ``validate`` is needed where CIDEr tells the best epoch.
        reward: judges captions of training pictures; needed where ``config.samples`` is set.
        upper: the encoder's upper part, which the regions have come through; it learns too.
        teachers: learned from beside people.

    Returns:
        A row for each epoch; `is_over` says whether ``watcher.stop`` ended it before.

    Raises:
        SettingError: what CIDEr or the reward is told by was not given.
    """
    last = folder / LAST
    learner = Learner(decoder, training, read_regions, config, reward, head, teachers)
    progress = learner.load(last) if last.exists() else Progress()
    saved = time.monotonic()
    while not is_over(progress.rows, config):
        order = epoch_order(training, config, progress.epoch)
        for places in order[progress.step :]:
            stopped = learner.step(places, progress, len(order), callbacks.stop())
            captions = sum(len(training[place].captions) for place in places)
            callbacks.step(_moment(progress, config, len(order), captions))
            if stopped or time.monotonic() - saved > callbacks.save_every_seconds:
                learner.save(last, progress)
                saved = time.monotonic()
            if stopped:
                learner.leave()
                return progress.rows
        with learner.averaged():
            row = learner.end_epoch(progress, validation, callbacks.validate)
            progress = Progress(epoch=row.epoch, rows=[*progress.rows, row], taken=progress.taken)
            if learner.accelerator.is_main_process:
                if best_row(progress.rows, config.best_by) is row:
                    looked = {} if head is None else head.state_dict()
                    write_bytes(folder / BEST, save(merge_weights(decoder, looked)))
                callbacks.epoch(decoder.eval(), progress.rows)
        learner.save(last, progress)
    learner.leave()
    return progress.rows


def is_over(rows: Sequence[EpochRow], config: TrainConfig) -> bool:
    """Say whether all epochs are done, or too many went by without a better one."""
    if not rows or config.patience is None:
        return len(rows) >= config.epochs
    best = best_row(rows, config.best_by).epoch
    return len(rows) >= config.epochs or len(rows) - best >= config.patience


def _moment(progress: Progress, config: TrainConfig, steps: int, captions: int) -> StepReport:
    """Tell the watcher where the training stands after a step of so many captions."""
    return StepReport(
        epoch=progress.epoch + 1,
        epochs=config.epochs,
        step=progress.step,
        steps=steps,
        objective="loss" if config.samples is None else "reward",
        value=progress.loss_sum / progress.words,
        captions_per_second=captions * progress.step / progress.seconds,
    )
