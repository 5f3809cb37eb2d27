"""Ensemble of decoders: the mean of their probabilities at every step."""

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
    """The state of each member."""

    states: tuple[State, ...]

    def select(self, rows: Int[Tensor, " K"]) -> "EnsembleState":
        """Keep, repeat or reorder hypotheses."""
        return EnsembleState(tuple(state.select(rows) for state in self.states))


@final
class Ensemble(Decoder):
    """Decoders with one vocabulary and one grid of regions; their kinds and sizes may differ.

    Args:
        decoders: the members.
        encoder_indices: where the features of several encoders are concatenated along the width,
            which of them each member reads; None: all members read the same features.
    """

    def __init__(self, decoders: Sequence[Decoder], encoder_indices: Sequence[int] | None = None):
        super().__init__()
        self._encoder_indices = list(encoder_indices or [0] * len(decoders))
        members = nn.ModuleList(decoders)
        self.decoders = cast(Sequence[Decoder], members)  # ModuleList has no element type

    def start(self, regions: Float[Tensor, "P R D"]) -> EnsembleState:
        """Start every member."""
        pairs = zip(self.decoders, self._member_regions(regions), strict=True)
        return EnsembleState(tuple(decoder.start(features) for decoder, features in pairs))

    def step(self, words: Int[Tensor, " B"], state: EnsembleState) -> Step:  # type: ignore[override]
        """Run one step; probabilities and attention are the members' means."""
        steps = [
            decoder.step(words, member_state)
            for decoder, member_state in zip(self.decoders, state.states, strict=True)
        ]
        return Step(
            _mean_log_probs([step.log_probs for step in steps]),
            torch.stack([step.attention for step in steps]).mean(0),
            EnsembleState(tuple(step.state for step in steps)),
        )

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions through all members."""
        pairs = zip(self.decoders, self._member_regions(regions), strict=True)
        logits = [decoder(features, words, pictures) for decoder, features in pairs]
        return _mean_log_probs([member.log_softmax(dim=-1) for member in logits])

    def _member_regions(self, regions: Float[Tensor, "P R D"]) -> list[Float[Tensor, "P R D2"]]:
        """Return the features that each member reads."""
        encoders = regions.chunk(max(self._encoder_indices) + 1, dim=-1)
        return [encoders[index] for index in self._encoder_indices]


def _mean_log_probs(log_probs: list[Float[Tensor, "N V"]]) -> Float[Tensor, "N V"]:
    """Average probabilities that are given and returned as logarithms."""
    return torch.stack(log_probs).logsumexp(0) - math.log(len(log_probs))
