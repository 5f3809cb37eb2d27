"""Several decoders that speak with one voice: the mean of their probabilities, word by word."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tushuo.decoders.base import Decoder, State, Step


@dataclass(frozen=True)
class EnsembleState:
    """The state of each decoder."""

    states: tuple[State, ...]

    def select(self, rows: Int[Tensor, " K"]) -> "EnsembleState":
        """Keep, repeat or reorder hypotheses."""
        return EnsembleState(tuple(state.select(rows) for state in self.states))


@final
class Ensemble(Decoder):
    """Decoders of one vocabulary and one grid; kinds and sizes may differ.

    Args:
        decoders: the members.
        looks: where the regions are those of several encoders, one behind the other: which of
            them each member reads; None: all read the same.
    """

    def __init__(self, decoders: Sequence[Decoder], looks: Sequence[int] | None = None):
        super().__init__()
        self._looks = [0] * len(decoders) if looks is None else list(looks)
        members = nn.ModuleList(decoders)
        self.decoders = cast(Sequence[Decoder], members)  # torch knows no list of one kind

    def start(self, regions: Float[Tensor, "P R D"]) -> EnsembleState:
        """Start them all."""
        seen = self._seen(regions)
        pairs = zip(self.decoders, seen, strict=True)
        return EnsembleState(tuple(decoder.start(own) for decoder, own in pairs))

    def step(self, words: Int[Tensor, " B"], state: EnsembleState) -> Step:  # type: ignore[override]
        """Take the last words in; the attention is the mean of theirs."""
        steps = [
            decoder.step(words, own)
            for decoder, own in zip(self.decoders, state.states, strict=True)
        ]
        return Step(
            _mean([step.log_probs for step in steps]),
            torch.stack([step.attention for step in steps]).mean(0),
            EnsembleState(tuple(step.state for step in steps)),
        )

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions through them all."""
        pairs = zip(self.decoders, self._seen(regions), strict=True)
        found = [decoder(own, words, pictures) for decoder, own in pairs]
        return _mean([logits.log_softmax(dim=-1) for logits in found])

    def _seen(self, regions: Float[Tensor, "P R D"]) -> list[Float[Tensor, "P R D2"]]:
        """Give each member the regions that it reads."""
        encoders = regions.chunk(max(self._looks) + 1, dim=-1)
        return [encoders[look] for look in self._looks]


def _mean(log_probs: list[Float[Tensor, "N V"]]) -> Float[Tensor, "N V"]:
    """Average probabilities, given and returned as logarithms."""
    return torch.stack(log_probs).logsumexp(0) - math.log(len(log_probs))
