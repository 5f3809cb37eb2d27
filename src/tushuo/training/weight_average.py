"""A moving average of the weights, which captions better than the last weights do.

Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; exponential, as
in Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn


@final
class Average:
    """The averaged weights of a model, beside its own.

    In the first steps it keeps less than ``keep``, so that the first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, keep: float):
        self._model, self._keep = model, keep
        self.weights = {name: own.detach().clone() for name, own in model.named_parameters()}

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Take the model's weights in after its step of this number, counted from 1."""
        keep = min(self._keep, (1 + steps) / (10 + steps))
        own = [weight.detach() for weight in self._model.parameters()]
        torch._foreach_lerp_(list(self.weights.values()), own, 1 - keep)

    def load(self, weights: dict[str, Tensor]) -> None:
        """Put stored averages back."""
        for name, value in self.weights.items():
            value.copy_(weights[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model have the averaged weights until the block ends."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, own in self._model.named_parameters():
            own.data, self.weights[name] = self.weights[name], own.data
