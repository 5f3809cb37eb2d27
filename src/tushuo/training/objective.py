"""What a step makes small: the seam between the loop and its two ways of learning."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import PackedSequence

from tushuo.decoders.precision import at_least_float32
from tushuo.text.vocabulary import END, START, UNK
from tushuo.training.attention_regularization import doubly_stochastic_penalty
from tushuo.training.batches import Example, collate
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers
from tushuo.training.scheduled_inputs import draw_words, mask_special


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
        self,
        model: nn.Module,
        places: Sequence[int],
        regions: Float[Tensor, "P R D"],
        done: float = 0.0,
        views: Sequence[int] | None = None,
    ) -> Outcome:
        """Run the model on some training pictures, given as places among the examples.

        Args:
            model: the decoder.
            places: the pictures.
            regions: of each.
            done: share of the training that lies behind.
            views: in which each is seen; None: the plain ones.
        """
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """Teacher forcing: the loss of the words that people said.

    The curve shows the plain loss, whatever smoothing or penalty is learned from, so that it can be
    compared with the validation loss and with other runs. Label smoothing: Szegedy et al.,
    "Rethinking the Inception Architecture", CVPR 2016, section 7. Word dropout: Bowman et al.,
    "Generating Sentences from a Continuous Space", CoNLL 2016, section 3.1. Scheduled sampling:
    Bengio et al., "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", NIPS
    2015.

    Doubly stochastic attention: `left_unseen`; with it, the model is an `Attended` decoder.
    Other runs beside people: `Teachers`; smoothing is of people's share alone.

    Scheduled sampling differs from the paper: the decoder's own words are drawn beside people's,
    all at once, in a first run without gradients, so that any decoder can do it in two runs
    (Mihaylova and Martins, "Scheduled Sampling for Transformers", ACL SRW 2019); and their share
    rises in a straight line.
    """

    examples: Sequence[Example]
    config: TrainConfig
    teachers: Teachers | None = None

    def __call__(
        self,
        model: nn.Module,
        places: Sequence[int],
        regions: Float[Tensor, "P R D"],
        done: float = 0.0,
        views: Sequence[int] | None = None,
    ) -> Outcome:
        """Return the losses of all words of the pictures' captions."""
        batch = collate([self.examples[place] for place in places]).to(regions.device)
        words = batch.words
        if self.config.scheduled_sampling:
            with torch.no_grad():
                beside, _ = self._run(model, regions, words, batch.pictures)
                own = draw_words(mask_special(beside).softmax(dim=-1))
            torch.clear_autocast_cache()  # weights cast without gradients must not serve the next
            words = scheduled_inputs(words, own, self.config.scheduled_sampling * done)
        words = forget_words(words, self.config.word_dropout)
        logits, maps = self._run(model, regions, words, batch.pictures)
        plain = cross_entropy(logits, batch.targets, reduction="sum")
        loss, smoothing = plain, self.config.label_smoothing
        if smoothing:
            even = -logits.log_softmax(dim=-1).mean(dim=-1).sum()
            loss = (1 - smoothing) * plain + smoothing * even
        if self.teachers:
            theirs = cross_entropy(logits, self.teachers(batch, views), reduction="sum")
            loss = (1 - self.teachers.weight) * loss + self.teachers.weight * theirs
        if maps is not None:
            loss = loss + self.config.doubly_stochastic * doubly_stochastic_penalty(
                maps, words.batch_sizes
            )
        return Outcome(loss, plain.item(), len(batch.targets))

    def _run(
        self,
        model: nn.Module,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "N R"] | None]:
        """Return the logits, and the maps where their penalty is on."""
        if self.config.doubly_stochastic:
            logits, maps = model(regions, words, pictures)
            return at_least_float32(logits), at_least_float32(maps)
        return at_least_float32(model(regions, words, pictures)), None


def forget_words(words: PackedSequence, share: float) -> PackedSequence:
    """Replace a share of the words that go in by ``<unk>``; ``<start>`` stays."""
    if not share:
        return words
    data: Int[Tensor, " N"] = words.data
    forgotten = (torch.rand(len(data), device=data.device) < share) & (data != START)
    return words._replace(data=data.masked_fill(forgotten, UNK))


def scheduled_inputs(words: PackedSequence, own: Int[Tensor, " N"], share: float) -> PackedSequence:
    """Replace a share of the words that go in by the decoder's own; ends are no such words."""
    sizes: list[int] = words.batch_sizes.tolist()
    data, create_run = words.data.clone(), 0
    for before, now in pairwise(sizes):
        told, said = data[create_run + before :][:now], own[create_run:][:now]
        heard = (torch.rand(now, device=data.device) < share) & (said != END)
        told.copy_(torch.where(heard, said, told))
        create_run += before
    return words._replace(data=data)
