"""One process's part in a training: its model, its optimiser, its share of each step."""

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
from tushuo.training.checkpoint import EpochRow, Progress, load_checkpoint, save_checkpoint
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers
from tushuo.training.objective import CrossEntropy, Objective
from tushuo.training.schedule import learning_rate
from tushuo.training.self_critical import Reward, SelfCritical
from tushuo.training.weight_average import Average

VALIDATION_PICTURES = 16  # of one forward pass


@final
class Learner:
    """Takes steps, and measures what came of them; several processes do so as one."""

    def __init__(
        self,
        decoder: Decoder,
        training: Sequence[Example],
        read_regions: ReadRegions,
        config: TrainConfig,
        reward: Reward | None,
        head: nn.Module | None = None,
        teachers: Teachers | None = None,
    ):
        self.accelerator = Accelerator(
            mixed_precision="bf16" if config.precision == "bfloat16" else "no",
            cpu=not torch.accelerator.is_available(),  # or torchrun's processes do not meet
        )
        started, met = processes()[1], self.accelerator.num_processes
        if started != met:
            raise SettingError(
                f"{started} processes were started and accelerate has brought {met} of them "
                "together; each would learn alone into one run folder; start one process"
            )
        learning = decoder if head is None else nn.ModuleDict({"decoder": decoder, "encoder": head})
        for part in learning.modules():
            if isinstance(part, StochasticDepth):
                part.share = config.stochastic_depth
        learning.to(self.accelerator.device)  # before the optimiser, which keeps its numbers there
        self.decoder, self.config = decoder, config
        self._learning, self._upper = learning, head
        self._training, self._read_regions = training, read_regions
        self._objective = _objective(decoder, training, config, reward, teachers)
        self._optimizer = torch.optim.AdamW(
            _groups(decoder, head, config),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self._average = Average(learning, config.average) if config.average else None
        self._model = self.accelerator.prepare(
            WithAttentionMaps(decoder) if config.doubly_stochastic else decoder
        )

    def load(self, path: Path) -> Progress:
        """Go on from a checkpoint."""
        return load_checkpoint(path, self._learning, self._optimizer, self._average)

    def save(self, path: Path, progress: Progress) -> None:
        """Write a checkpoint; the first process does."""
        if self.accelerator.is_main_process:
            save_checkpoint(path, self._learning, self._optimizer, progress, self._average)

    def averaged(self) -> AbstractContextManager[None]:
        """Let the decoder have its averaged weights for a while, where there are some."""
        return self._average.in_place() if self._average else nullcontext()

    def step(self, places: Sequence[int], progress: Progress, steps: int, stop: bool) -> bool:
        """Learn from this process's share of a batch; say whether any process is to stop.

        Args:
            places: the batch, as places among the training examples.
            progress: where the training stands; it is moved on.
            steps: steps of this epoch.
            stop: whether this process is to stop.
        """
        began, accelerator = time.monotonic(), self.accelerator
        process, count = accelerator.process_index, accelerator.num_processes
        torch.manual_seed(_step_seed(self.config.seed, progress.epoch, progress.step, process))
        done = progress.epoch + (progress.step + 1) / steps
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.config, done) * group["share"]
        self._learning.train()
        self._model.train()
        mine = places[process::count]
        seen = mine or places[:1]
        views = [self._training[place].view(self.config.seed, progress.epoch) for place in seen]
        regions = self._regions(seen, views)
        with accelerator.autocast():
            share = done / self.config.epochs
            found = self._objective(self._model, seen, regions, share, views)
        used = float(bool(mine))  # a process without pictures only keeps step
        told, things, stopped = self._over_all(found.told * used, found.count * used, float(stop))
        # Processes average their gradients; the mean over all words needs the sum.
        accelerator.backward(found.loss * used * count / things)
        self._share_gradients()
        self._move(progress.taken + 1)
        progress.step += 1
        progress.taken += 1
        progress.loss_sum += told
        progress.words += int(things)
        progress.seconds += time.monotonic() - began
        return stopped > 0

    def _regions(self, places: Sequence[int], views: Sequence[int]) -> Float[Tensor, "P R D"]:
        regions = self._read_regions([self._training[place].row for place in places], views)
        return dropout(regions.to(self.accelerator.device), self.config.region_dropout)

    def _share_gradients(self) -> None:
        """Average the upper part's gradients over processes; a prepared decoder's are already."""
        if self._upper is not None and self.accelerator.num_processes > 1:
            for weight in self._upper.parameters():
                weight.grad = self.accelerator.reduce(weight.grad, "mean")

    def _move(self, taken: int) -> None:
        """Move the weights, and their average after them."""
        if self.config.clip_norm is not None:
            self.accelerator.clip_grad_norm_(self._learning.parameters(), self.config.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self._average:
            self._average.update(taken)

    def end_epoch(
        self,
        progress: Progress,
        validation: Sequence[Example],
        validate: Callable[[Decoder], float] | None,
    ) -> EpochRow:
        """Measure an epoch's weights on the validation pictures.

        Raises:
            SettingError: CIDEr is to tell the best epoch, and nothing computes it.
        """
        self._learning.eval()
        cider = None
        if self.config.best_by == "cider":
            if validate is None:
                raise SettingError("best_by was cider, but this training has no captions to score")
            mine = validate(self.decoder) if self.accelerator.is_main_process else 0.0
            (cider,) = self._over_all(mine)
        told = progress.loss_sum / progress.words
        drawn = self.config.samples is not None
        return EpochRow(
            epoch=progress.epoch + 1,
            train_loss=None if drawn else told,
            val_loss=self.mean_loss(validation),
            seconds=progress.seconds,
            val_cider=cider,
            reward=told if drawn else None,
        )

    @torch.inference_mode()
    def mean_loss(self, examples: Sequence[Example]) -> float:
        """Return the teacher-forced loss, in nats per real word; processes share the pictures."""
        self.decoder.eval()
        mine = examples[self.accelerator.process_index :: self.accelerator.num_processes]
        total, words = 0.0, 0
        for start in range(0, len(mine), VALIDATION_PICTURES):
            batch = collate(mine[start : start + VALIDATION_PICTURES]).to(self.accelerator.device)
            regions = self._read_regions(batch.rows).to(self.accelerator.device)
            logits = self.decoder(regions, batch.words, batch.pictures)
            total += cross_entropy(logits.float(), batch.targets, reduction="sum").item()
            words += len(batch.targets)
        loss_sum, all_words = self._over_all(total, float(words))
        return loss_sum / all_words

    def leave(self) -> None:
        """Let go of the other processes, all at once: one that goes before them may abort."""
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()

    def _over_all(self, *numbers: float) -> list[float]:
        """Add up numbers over all processes."""
        if self.accelerator.num_processes == 1:
            return list(numbers)
        mine = torch.tensor(numbers, dtype=torch.float32, device=self.accelerator.device)
        return self.accelerator.reduce(mine).tolist()


def _groups(
    decoder: Decoder, head: nn.Module | None, config: TrainConfig
) -> list[dict[str, object]]:
    """Return the optimiser's groups, with the share of the learning rate that each is moved at."""
    groups: list[dict[str, object]] = [{"params": list(decoder.parameters()), "share": 1.0}]
    if head is not None and config.encoder_rate is not None:
        share = config.encoder_rate / config.learning_rate
        groups.append({"params": list(head.parameters()), "share": share})
    return groups


def _objective(
    decoder: Decoder,
    training: Sequence[Example],
    config: TrainConfig,
    reward: Reward | None,
    teachers: Teachers | None,
) -> Objective:
    """Choose between what people said and what the decoder itself says."""
    if config.samples is None:
        return CrossEntropy(training, config, teachers)
    if reward is None:
        raise SettingError(f"samples was {config.samples}, but no reward judges them")
    return SelfCritical(decoder, reward, config.samples)


def _step_seed(seed: int, epoch: int, step: int, process: int) -> int:
    """Seed of one step's dropout: different for every step and process, the same after a resume."""
    return hash((seed, epoch, step, process)) & 0x7FFF_FFFF
