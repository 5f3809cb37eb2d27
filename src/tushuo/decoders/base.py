"""What a decoder is to search and training.

A decoder knows two numbers, feature width and vocabulary size; no pictures, no words, no encoder.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor, device, nn
from torch.nn.utils.rnn import PackedSequence


@runtime_checkable
class State(Protocol):
    """Everything that one word hands to the next, a row per hypothesis."""

    def select(self, rows: Int[Tensor, " K"]) -> "State":
        """Keep, repeat or reorder hypotheses; what depends on the picture alone is not copied."""
        ...


@dataclass(frozen=True)
class Step:
    """One word's outcome.

    Attributes:
        log_probs: natural logarithm of the next word's probabilities; a search may write into them.
        attention: where the word looked; sums to 1 over the regions.
        state: to be handed to the next step.
    """

    log_probs: Float[Tensor, "B V"]
    attention: Float[Tensor, "B R"]
    state: State


class Decoder(nn.Module, ABC):
    """Regions in, words out; teacher forced (`forward`) or word by word (`start`, `step`)."""

    @property
    def device(self) -> device:
        """Where its weights are."""
        return next((weight.device for weight in self.parameters()), device("cpu"))

    def precompute(self) -> None:
        """Make once what all captions need of the weights, which are not to change any more."""

    @abstractmethod
    def start(self, regions: Float[Tensor, "P R D"]) -> State:
        """Do all that depends on the picture alone, once; a row of state per picture."""

    @abstractmethod
    def step(self, words: Int[Tensor, " B"], state: State) -> Step:
        """Take the last words in, give the next words' probabilities out."""

    @abstractmethod
    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions, packed so that nothing is computed beyond their ends.

        Args:
            regions: one row a picture, however many captions it has.
            words: ``<start>`` and the caption without its end, longest caption first.
            pictures: the row of ``regions`` of each caption, in the order of ``words``.

        Returns:
            Logits of the next words, packed as ``words`` is. Equal to chained steps (a test).
        """


@runtime_checkable
class Attending(Protocol):
    """What a decoder is, beside all else, if a training may have a say in where it looks."""

    def attend(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "N R"]]:
        """Do what `Decoder.forward` does, and return beside the logits where each word looked.

        The maps are packed as the logits are, and gradients pass through both.
        """
        ...
