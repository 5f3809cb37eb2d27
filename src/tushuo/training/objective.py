"""Training objectives: the interface that the loop calls, and cross-entropy."""

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
from tushuo.training.token_sampling import mask_special, sample_words


@dataclass(frozen=True)
class Outcome:
    """Result of an objective on one process's share of a batch.

    Attributes:
        loss: the sum to minimise.
        reported: the sum shown in the learning curve.
        count: number of terms in both sums, words or captions.
    """

    loss: Float[Tensor, ""]
    reported: float
    count: int


@runtime_checkable
class Objective(Protocol):
    """What a training step minimises."""

    def __call__(
        self,
        model: nn.Module,
        indices: Sequence[int],
        regions: Float[Tensor, "P R D"],
        done: float = 0.0,
        views: Sequence[int] | None = None,
    ) -> Outcome:
        """Run the model on some training pictures.

        Args:
            model: the decoder.
            indices: indices of the training examples.
            regions: regions of their pictures.
            done: share of the training that is finished.
            views: view of each picture; None: the plain one.
        """
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of the reference captions, teacher forced.

    Label smoothing: Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016, section 7.
    Word dropout: Bowman et al., "Generating Sentences from a Continuous Space", CoNLL 2016, section
    3.1. Scheduled sampling: Bengio et al., "Scheduled Sampling for Sequence Prediction with
    Recurrent Neural Networks", NIPS 2015. Doubly stochastic attention: `doubly_stochastic_penalty`,
    for which the model is `WithAttentionMaps`. Distillation: `Teachers`; only the share of the
    references is smoothed.

    The learning curve shows the plain loss, without smoothing, teachers or penalty, so that it can
    be compared with the validation loss and with other runs.

    Scheduled sampling differs from the paper: all words are sampled at once in a first forward pass
    without gradients, so that any decoder needs just two passes (Mihaylova and Martins, "Scheduled
    Sampling for Transformers", ACL SRW 2019); and their share rises linearly.
    """

    examples: Sequence[Example]
    config: TrainConfig
    teachers: Teachers | None = None

    def __call__(
        self,
        model: nn.Module,
        indices: Sequence[int],
        regions: Float[Tensor, "P R D"],
        done: float = 0.0,
        views: Sequence[int] | None = None,
    ) -> Outcome:
        """Return the summed loss of all words of the pictures' captions."""
        batch = collate([self.examples[index] for index in indices]).to(regions.device)
        words = batch.words
        if self.config.scheduled_sampling:
            with torch.no_grad():
                logits, _ = self._forward(model, regions, words, batch.pictures)
                sampled = sample_words(mask_special(logits).softmax(dim=-1))
            torch.clear_autocast_cache()  # weights cast without gradients must not be reused
            words = scheduled_inputs(words, sampled, self.config.scheduled_sampling * done)
        words = drop_words(words, self.config.word_dropout)
        logits, maps = self._forward(model, regions, words, batch.pictures)
        plain = cross_entropy(logits, batch.targets, reduction="sum")
        loss, smoothing = plain, self.config.label_smoothing
        if smoothing:
            uniform = -logits.log_softmax(dim=-1).mean(dim=-1).sum()
            loss = (1 - smoothing) * plain + smoothing * uniform
        if self.teachers:
            distilled = cross_entropy(logits, self.teachers(batch, views), reduction="sum")
            loss = (1 - self.teachers.weight) * loss + self.teachers.weight * distilled
        if maps is not None:
            loss = loss + self.config.doubly_stochastic * doubly_stochastic_penalty(
                maps, words.batch_sizes
            )
        return Outcome(loss, plain.item(), len(batch.targets))

    def _forward(
        self,
        model: nn.Module,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "N R"] | None]:
        """Return the logits, and the attention maps if they are penalised."""
        if self.config.doubly_stochastic:
            logits, maps = model(regions, words, pictures)
            return at_least_float32(logits), at_least_float32(maps)
        return at_least_float32(model(regions, words, pictures)), None


def drop_words(words: PackedSequence, probability: float) -> PackedSequence:
    """Replace input words by ``<unk>`` at random, but never ``<start>``."""
    if not probability:
        return words
    data: Int[Tensor, " N"] = words.data
    dropped = (torch.rand(len(data), device=data.device) < probability) & (data != START)
    return words._replace(data=data.masked_fill(dropped, UNK))


def scheduled_inputs(
    words: PackedSequence, sampled: Int[Tensor, " N"], probability: float
) -> PackedSequence:
    """Replace input words at random by those sampled one step earlier, but not by ``<end>``.

    Args:
        words: input words.
        sampled: for each input word, the word that the decoder sampled to follow it.
        probability: of a replacement.
    """
    sizes: list[int] = words.batch_sizes.tolist()
    data, start = words.data.clone(), 0
    for previous, current in pairwise(sizes):
        inputs, predicted = data[start + previous :][:current], sampled[start:][:current]
        chosen = torch.rand(current, device=data.device) < probability
        inputs.copy_(torch.where(chosen & (predicted != END), predicted, inputs))
        start += previous
    return words._replace(data=data)
