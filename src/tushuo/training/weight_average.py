"""An exponential moving average of the weights, which captions better than the last weights.

Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; exponential, as
in Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn


@final
class WeightAverage:
    """The averaged weights of a model, beside its current ones.

    In the first steps the decay is below ``decay``, so that the initial weights soon vanish.
    """

    def __init__(self, model: nn.Module, decay: float):
        self._model, self._decay = model, decay
        self.weights = {name: w.detach().clone() for name, w in model.named_parameters()}

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Add the model's weights to the average after step number ``steps``, counted from 1."""
        decay = min(self._decay, (1 + steps) / (10 + steps))
        current = [weight.detach() for weight in self._model.parameters()]
        torch._foreach_lerp_(list(self.weights.values()), current, 1 - decay)

    def load(self, weights: dict[str, Tensor]) -> None:
        """Restore averaged weights from a checkpoint."""
        for name, value in self.weights.items():
            value.copy_(weights[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model the averaged weights inside the block."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, weight in self._model.named_parameters():
            weight.data, self.weights[name] = self.weights[name], weight.data
