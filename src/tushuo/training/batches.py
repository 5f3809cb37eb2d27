"""Batches of whole pictures: the captions of a picture share one row of regions."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from tushuo.training.config import TrainConfig


@dataclass(frozen=True)
class Example:
    """One picture and its captions.

    Attributes:
        row: the picture's row among the regions.
        captions: its captions as word ids.
        views: indices of the views that it may be shown in.
    """

    row: int
    captions: list[list[int]]
    views: tuple[int, ...] = (0,)

    def view(self, seed: int, epoch: int) -> int:
        """Draw the view of an epoch, which is the same after a resume."""
        return self.views[hash((seed, epoch, self.row)) % len(self.views)]


@dataclass(frozen=True)
class Batch:
    """Input and targets of one training step.

    Attributes:
        rows: rows of the pictures among the regions.
        words: input words, packed, longest caption first.
        targets: the word that follows each input word, in the same order.
        pictures: index into ``rows`` for each caption.
    """

    rows: list[int]
    words: PackedSequence
    targets: Int[Tensor, " N"]
    pictures: Int[Tensor, " B"]

    def to(self, device: torch.device) -> "Batch":
        """Move the tensors to a device."""
        return Batch(
            self.rows,
            self.words.to(device),  # type: ignore[arg-type]
            self.targets.to(device),
            self.pictures.to(device),
        )


def epoch_order(examples: Sequence[Example], config: TrainConfig, epoch: int) -> list[list[int]]:
    """Shuffle the pictures and divide them into batches of at least ``batch_size`` captions.

    The order depends on seed and epoch alone, so a resumed run repeats it. With ``epoch_steps``,
    the epoch has only the first so many batches.

    Returns:
        Indices of the examples of each batch.
    """
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
    batches: list[list[int]] = []
    captions = config.batch_size
    for index in torch.randperm(len(examples), generator=generator).tolist():
        if captions >= config.batch_size:
            batches.append([])
            captions = 0
        batches[-1].append(index)
        captions += len(examples[index].captions)
    return batches[: config.epoch_steps]


def collate(examples: Sequence[Example]) -> Batch:
    """Pack the captions of some pictures, longest first."""
    captions = [
        (torch.tensor(ids), index)
        for index, example in enumerate(examples)
        for ids in example.captions
    ]
    captions.sort(key=lambda pair: -len(pair[0]))
    return Batch(
        rows=[example.row for example in examples],
        words=pack_sequence([ids[:-1] for ids, _ in captions]),
        targets=pack_sequence([ids[1:] for ids, _ in captions]).data,
        pictures=torch.tensor([index for _, index in captions]),
    )
