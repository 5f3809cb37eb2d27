"""Batches of whole pictures: captions of one picture share one row of regions."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from tushuo.training.config import TrainConfig


@dataclass(frozen=True)
class Example:
    """One picture of the training.

    Attributes:
        row: its row of the store.
        captions: as ids.
        views: which of the store's views it may be seen in.
    """

    row: int
    captions: list[list[int]]
    views: tuple[int, ...] = (0,)

    def view(self, seed: int, epoch: int) -> int:
        """Draw the view of an epoch; a resumed run draws it again."""
        return self.views[hash((seed, epoch, self.row)) % len(self.views)]


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        rows: the pictures' rows of the store.
        words: what goes in, longest caption first, packed.
        targets: what should come out, packed alike.
        pictures: which of ``rows`` each caption belongs to.
    """

    rows: list[int]
    words: PackedSequence
    targets: Int[Tensor, " N"]
    pictures: Int[Tensor, " B"]

    def to(self, device: torch.device) -> "Batch":
        """Move what a decoder reads to a device."""
        return Batch(
            self.rows,
            self.words.to(device),  # type: ignore[arg-type]
            self.targets.to(device),
            self.pictures.to(device),
        )


def epoch_order(examples: Sequence[Example], config: TrainConfig, epoch: int) -> list[list[int]]:
    """Shuffle the pictures and cut them into batches of at least ``batch_size`` captions.

    The order depends on seed and epoch alone, so a resumed run finds it again. Where
    ``epoch_steps`` is set, the first batches are the epoch.
    """
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
    order: list[list[int]] = []
    size = config.batch_size
    for place in torch.randperm(len(examples), generator=generator).tolist():
        if size >= config.batch_size:
            order.append([])
            size = 0
        order[-1].append(place)
        size += len(examples[place].captions)
    return order[: config.epoch_steps]


def collate(examples: Sequence[Example]) -> Batch:
    """Pack the captions of some pictures, longest first."""
    captions = [
        (torch.tensor(ids), place)
        for place, example in enumerate(examples)
        for ids in example.captions
    ]
    captions.sort(key=lambda pair: -len(pair[0]))
    return Batch(
        rows=[example.row for example in examples],
        words=pack_sequence([ids[:-1] for ids, _ in captions]),
        targets=pack_sequence([ids[1:] for ids, _ in captions]).data,
        pictures=torch.tensor([place for _, place in captions]),
    )
