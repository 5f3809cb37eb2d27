"""The training loop: steps in a seeded order, validation after each epoch, exact resume."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from tushuo.decoders.base import Decoder
from tushuo.features.regions import ReadRegions
from tushuo.runs.weights import BEST, merge_weights
from tushuo.tensor_files import save_tensors
from tushuo.training.batches import Example, epoch_order
from tushuo.training.checkpoint import EpochRow, TrainingState, best_row
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers
from tushuo.training.learner import Learner
from tushuo.training.self_critical import RewardFunction

LAST = "last.safetensors"


@dataclass(frozen=True)
class StepReport:
    """Progress after a training step, for `Callbacks.step`.

    Attributes:
        epoch, epochs: number of the current epoch, from 1, and of all epochs.
        step, steps: the same for the steps of the epoch.
        objective, value: ``loss`` or ``reward``, and its mean over the epoch so far.
        captions_per_second: mean speed over the epoch so far.
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
    reward: RewardFunction | None = None,
    head: nn.Module | None = None,
    teachers: Teachers | None = None,
) -> list[EpochRow]:
    """Train to the end, starting from the last checkpoint of the run folder if there is one.

    Picture order, dropout and learning rate of a step depend on the seed and the number of the step
    alone. As weights and optimiser are stored too, a run that was killed and resumed ends with the
    same weights as one that was not. Under torchrun, each process takes its share of every batch,
    and the first one writes the files.

    Args:
        decoder: the decoder to train.
        training: examples to train on.
        validation: examples to validate on after each epoch.
        read_regions: rows in, regions out.
        config: settings of the training.
        folder: the run folder.
        callbacks: ``validate`` is required where ``config.best_by`` is cider.
        reward: scores sampled captions of training pictures; required with ``config.samples``.
        head: trainable part of the encoder, which the regions have passed through.
        teachers: runs to distil from.

    Returns:
        One row per finished epoch. If ``callbacks.stop`` ended the training, `is_over` is False.

    Raises:
        SettingError: ``callbacks.validate`` or ``reward`` is required and missing.
    """
    last = folder / LAST
    learner = Learner(decoder, training, read_regions, config, reward, head, teachers)
    state = learner.load(last) if last.exists() else TrainingState()
    saved = time.monotonic()
    while not is_over(state.rows, config):
        batches = epoch_order(training, config, state.epoch)
        for indices in batches[state.step :]:
            stopped = learner.step(indices, state, len(batches), callbacks.stop())
            captions = sum(len(training[index].captions) for index in indices)
            callbacks.step(_step_report(state, config, len(batches), captions))
            if stopped or time.monotonic() - saved > callbacks.save_every_seconds:
                learner.save(last, state)
                saved = time.monotonic()
            if stopped:
                learner.leave_group()
                return state.rows
        with learner.averaged():
            row = learner.end_epoch(state, validation, callbacks.validate)
            state = TrainingState(epoch=row.epoch, rows=[*state.rows, row], taken=state.taken)
            if learner.accelerator.is_main_process:
                if best_row(state.rows, config.best_by) is row:
                    head_weights = {} if head is None else head.state_dict()
                    save_tensors(folder / BEST, merge_weights(decoder, head_weights))
                callbacks.epoch(decoder.eval(), state.rows)
        learner.save(last, state)
    learner.leave_group()
    return state.rows


def is_over(rows: Sequence[EpochRow], config: TrainConfig) -> bool:
    """Return whether all epochs are done, or ``patience`` epochs have brought no improvement."""
    if not rows or config.patience is None:
        return len(rows) >= config.epochs
    best = best_row(rows, config.best_by).epoch
    return len(rows) >= config.epochs or len(rows) - best >= config.patience


def _step_report(
    state: TrainingState, config: TrainConfig, steps: int, captions: int
) -> StepReport:
    """Report a finished step."""
    return StepReport(
        epoch=state.epoch + 1,
        epochs=config.epochs,
        step=state.step,
        steps=steps,
        objective="loss" if config.samples is None else "reward",
        value=state.loss_sum / state.words,
        captions_per_second=captions * state.step / state.seconds,
    )
