"""One process of a training: its model, its optimiser and its share of each batch."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import final

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout

from tushuo.decoders.base import Decoder
from tushuo.encoders.split_encoder import StochasticDepth
from tushuo.errors import SettingError
from tushuo.features.regions import ReadRegions
from tushuo.runtime import processes
from tushuo.training.attention_regularization import WithAttentionMaps
from tushuo.training.batches import Example, collate
from tushuo.training.checkpoint import EpochRow, TrainingState, load_checkpoint, save_checkpoint
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers
from tushuo.training.objective import CrossEntropy, Objective
from tushuo.training.schedule import learning_rate
from tushuo.training.self_critical import RewardFunction, SelfCritical
from tushuo.training.weight_average import WeightAverage

VALIDATION_PICTURES = 16  # per forward pass


@final
class Learner:
    """Takes training steps and validates; several processes act as one.

    The arguments are those of `tushuo.training.loop.fit`.
    """

    def __init__(
        self,
        decoder: Decoder,
        training: Sequence[Example],
        read_regions: ReadRegions,
        config: TrainConfig,
        reward: RewardFunction | None,
        head: nn.Module | None = None,
        teachers: Teachers | None = None,
    ):
        self.accelerator = Accelerator(
            mixed_precision="bf16" if config.precision == "bfloat16" else "no",
            cpu=not torch.accelerator.is_available(),  # else torchrun's processes form no group
        )
        started, joined = processes()[1], self.accelerator.num_processes
        if started != joined:
            raise SettingError(
                f"torchrun started {started} processes but only {joined} joined the group, so each "
                "would train alone into the same run folder; start one process"
            )
        trained = decoder if head is None else nn.ModuleDict({"decoder": decoder, "encoder": head})
        for module in trained.modules():
            if isinstance(module, StochasticDepth):
                module.share = config.stochastic_depth
        trained.to(self.accelerator.device)  # first, since the optimiser's state is kept there too
        self.decoder, self.config = decoder, config
        self._trained, self._head = trained, head
        self._training, self._read_regions = training, read_regions
        self._objective = _objective(decoder, training, config, reward, teachers)
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(decoder, head, config),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self._average = WeightAverage(trained, config.average) if config.average else None
        self._model = self.accelerator.prepare(
            WithAttentionMaps(decoder) if config.doubly_stochastic else decoder
        )

    def load(self, path: Path) -> TrainingState:
        """Resume from a checkpoint."""
        return load_checkpoint(path, self._trained, self._optimizer, self._average)

    def save(self, path: Path, state: TrainingState) -> None:
        """Write a checkpoint, in the first process only."""
        if self.accelerator.is_main_process:
            save_checkpoint(path, self._trained, self._optimizer, state, self._average)

    def averaged(self) -> AbstractContextManager[None]:
        """Give the model its averaged weights inside the block, if there are any."""
        return self._average.in_place() if self._average else nullcontext()

    def step(self, indices: Sequence[int], state: TrainingState, steps: int, stop: bool) -> bool:
        """Take one step on this process's share of a batch.

        Args:
            indices: the batch, as indices of training examples.
            state: position of the training; updated in place.
            steps: number of steps of this epoch.
            stop: whether this process has been asked to stop.

        Returns:
            Whether any process has been asked to stop.
        """
        began, accelerator = time.monotonic(), self.accelerator
        process, count = accelerator.process_index, accelerator.num_processes
        torch.manual_seed(_step_seed(self.config.seed, state.epoch, state.step, process))
        epochs_done = state.epoch + (state.step + 1) / steps
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.config, epochs_done) * group["relative_rate"]
        self._trained.train()
        self._model.train()
        share = indices[process::count]
        used = share or indices[:1]  # a process without pictures must still take part
        views = [self._training[index].view(self.config.seed, state.epoch) for index in used]
        regions = self._regions(used, views)
        with accelerator.autocast():
            done = epochs_done / self.config.epochs
            outcome = self._objective(self._model, used, regions, done, views)
        counts = float(bool(share))
        reported, total, stopped = self._sum_over_processes(
            outcome.reported * counts, outcome.count * counts, float(stop)
        )
        # Gradients are averaged over processes; the mean over all words needs their sum.
        accelerator.backward(outcome.loss * counts * count / total)
        self._average_head_gradients()
        self._update_weights(state.taken + 1)
        state.step += 1
        state.taken += 1
        state.loss_sum += reported
        state.words += int(total)
        state.seconds += time.monotonic() - began
        return stopped > 0

    def _regions(self, indices: Sequence[int], views: Sequence[int]) -> Float[Tensor, "P R D"]:
        regions = self._read_regions([self._training[index].row for index in indices], views)
        return dropout(regions.to(self.accelerator.device), self.config.region_dropout)

    def _average_head_gradients(self) -> None:
        """Average the head's gradients over processes, as accelerate does for the decoder's."""
        if self._head is not None and self.accelerator.num_processes > 1:
            for weight in self._head.parameters():
                weight.grad = self.accelerator.reduce(weight.grad, "mean")

    def _update_weights(self, taken: int) -> None:
        """Take an optimiser step, and update the moving average after it."""
        if self.config.clip_norm is not None:
            self.accelerator.clip_grad_norm_(self._trained.parameters(), self.config.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self._average:
            self._average.update(taken)

    def end_epoch(
        self,
        state: TrainingState,
        validation: Sequence[Example],
        validate: Callable[[Decoder], float] | None,
    ) -> EpochRow:
        """Measure the weights at the end of an epoch on the validation pictures.

        Raises:
            SettingError: ``best_by`` is cider and there is no ``validate``.
        """
        self._trained.eval()
        cider = None
        if self.config.best_by == "cider":
            if validate is None:
                raise SettingError("best_by cider requires Callbacks.validate, which is not set")
            score = validate(self.decoder) if self.accelerator.is_main_process else 0.0
            (cider,) = self._sum_over_processes(score)
        mean = state.loss_sum / state.words
        self_critical = self.config.samples is not None
        return EpochRow(
            epoch=state.epoch + 1,
            train_loss=None if self_critical else mean,
            val_loss=self.mean_loss(validation),
            seconds=state.seconds,
            val_cider=cider,
            reward=mean if self_critical else None,
        )

    @torch.inference_mode()
    def mean_loss(self, examples: Sequence[Example]) -> float:
        """Return the teacher-forced loss in nats per word; processes share the pictures."""
        self.decoder.eval()
        share = examples[self.accelerator.process_index :: self.accelerator.num_processes]
        loss_sum, words = 0.0, 0
        for start in range(0, len(share), VALIDATION_PICTURES):
            batch = collate(share[start : start + VALIDATION_PICTURES]).to(self.accelerator.device)
            regions = self._read_regions(batch.rows).to(self.accelerator.device)
            logits = self.decoder(regions, batch.words, batch.pictures)
            loss_sum += cross_entropy(logits.float(), batch.targets, reduction="sum").item()
            words += len(batch.targets)
        total_loss, total_words = self._sum_over_processes(loss_sum, float(words))
        return total_loss / total_words

    def leave_group(self) -> None:
        """Leave the group of processes, all at once: an earlier exit of one can abort others."""
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()

    def _sum_over_processes(self, *numbers: float) -> list[float]:
        if self.accelerator.num_processes == 1:
            return list(numbers)
        summands = torch.tensor(numbers, dtype=torch.float32, device=self.accelerator.device)
        return self.accelerator.reduce(summands).tolist()


def _parameter_groups(
    decoder: Decoder, head: nn.Module | None, config: TrainConfig
) -> list[dict[str, object]]:
    """Return the optimiser's groups, each with its rate relative to the decoder's."""
    groups: list[dict[str, object]] = [{"params": list(decoder.parameters()), "relative_rate": 1.0}]
    if head is not None and config.encoder_rate is not None:
        relative_rate = config.encoder_rate / config.learning_rate
        groups.append({"params": list(head.parameters()), "relative_rate": relative_rate})
    return groups


def _objective(
    decoder: Decoder,
    training: Sequence[Example],
    config: TrainConfig,
    reward: RewardFunction | None,
    teachers: Teachers | None,
) -> Objective:
    """Return the objective of cross-entropy or of self-critical training."""
    if config.samples is None:
        return CrossEntropy(training, config, teachers)
    if reward is None:
        raise SettingError(f"self-critical training (samples {config.samples}) requires a reward")
    return SelfCritical(decoder, reward, config.samples)


def _step_seed(seed: int, epoch: int, step: int, process: int) -> int:
    """Return a seed that differs by step and process and is the same after a resume."""
    return hash((seed, epoch, step, process)) & 0x7FFF_FFFF
