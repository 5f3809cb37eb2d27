"""What a step makes small: the seam between the loop and its two ways of learning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import PackedSequence

from tushuo.train.batches import Example, collate
from tushuo.train.config import TrainConfig
from tushuo.vocabulary import START, UNK


@dataclass(frozen=True)
class Outcome:
    """What an objective found in one process's share of a batch.

    Attributes:
        loss: what is to be made small, a sum.
        told: what the curve shows, a sum.
        count: what both are sums over.
    """

    loss: Float[Tensor, ""]
    told: float
    count: int


@runtime_checkable
class Objective(Protocol):
    """One way of learning from a batch."""

    def __call__(
        self, model: nn.Module, places: Sequence[int], regions: Float[Tensor, "P R D"]
    ) -> Outcome:
        """Run the model on some training pictures, given as places among the examples."""
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """Teacher forcing: the loss of the words that people said.

    The curve shows the plain loss, whatever smoothing is learned from, so that it can be compared
    with the validation loss and with other runs. Label smoothing: Szegedy et al., "Rethinking the
    Inception Architecture", CVPR 2016, section 7. Word dropout: Bowman et al., "Generating
    Sentences from a Continuous Space", CoNLL 2016, section 3.1.
    """

    examples: Sequence[Example]
    config: TrainConfig

    def __call__(
        self, model: nn.Module, places: Sequence[int], regions: Float[Tensor, "P R D"]
    ) -> Outcome:
        """Return the losses of all words of the pictures' captions."""
        batch = collate([self.examples[place] for place in places]).to(regions.device)
        words = forget_words(batch.words, self.config.word_dropout)
        logits = model(regions, words, batch.pictures).float()
        plain = cross_entropy(logits, batch.targets, reduction="sum")
        loss, smoothing = plain, self.config.label_smoothing
        if smoothing:
            even = -logits.log_softmax(dim=-1).mean(dim=-1).sum()
            loss = (1 - smoothing) * plain + smoothing * even
        return Outcome(loss, plain.item(), len(batch.targets))


def forget_words(words: PackedSequence, share: float) -> PackedSequence:
    """Replace a share of the words that go in by ``<unk>``; ``<start>`` stays."""
    if not share:
        return words
    data: Int[Tensor, " N"] = words.data
    forgotten = (torch.rand(len(data), device=data.device) < share) & (data != START)
    return words._replace(data=data.masked_fill(forgotten, UNK))
