"""Interface of decoders to search and training.

A decoder is built from two sizes, feature width and vocabulary size. It knows nothing of pictures,
words or encoders.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor, device, nn
from torch.nn.utils.rnn import PackedSequence


@runtime_checkable
class State(Protocol):
    """Everything that one step passes to the next, one row per hypothesis."""

    def select(self, rows: Int[Tensor, " K"]) -> "State":
        """Keep, repeat or reorder hypotheses, without copying what depends on the picture only."""
        ...


@dataclass(frozen=True)
class Step:
    """Result of one decoding step.

    Attributes:
        log_probs: natural log-probabilities of the next word; a search may overwrite them.
        attention: attention weights of the step; they sum to 1 over the regions.
        state: input of the next step.
    """

    log_probs: Float[Tensor, "B V"]
    attention: Float[Tensor, "B R"]
    state: State


class Decoder(nn.Module, ABC):
    """Maps regions to words, teacher-forced (`forward`) or word by word (`start`, `step`)."""

    @property
    def device(self) -> device:
        """Device of the weights."""
        return next((weight.device for weight in self.parameters()), device("cpu"))

    def precompute(self) -> None:
        """Precompute products of weights for inference; the weights must not change afterwards."""

    @abstractmethod
    def start(self, regions: Float[Tensor, "P R D"]) -> State:
        """Compute, once, all that depends on the picture only; return one state row per picture."""

    @abstractmethod
    def step(self, words: Int[Tensor, " B"], state: State) -> Step:
        """Feed each hypothesis' last word; return log-probabilities of the next."""

    @abstractmethod
    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions, packed so that no padding is computed.

        Args:
            regions: one row per picture, however many captions it has.
            words: ``<start>`` and the caption without ``<end>``, longest caption first.
            pictures: row of ``regions`` for each caption, in the order of ``words``.

        Returns:
            Logits of the next words, packed as ``words`` is; equal to those of chained steps.
        """


@runtime_checkable
class AttentionDecoder(Protocol):
    """A decoder whose attention maps a training loss may depend on."""

    def forward_with_attention(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "N R"]]:
        """Run `Decoder.forward`; return the logits and each word's attention map.

        The maps are packed as the logits are, and gradients flow through both.
        """
        ...
