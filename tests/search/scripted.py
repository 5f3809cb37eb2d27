"""A decoder without weights: a table holds the next word's probabilities for every history."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn

from tushuo.decoders.base import Decoder, Step
from tushuo.text.vocabulary import END, START

REGIONS = 3
ROWS = 101  # of the table; a history is hashed to one of them


@dataclass(frozen=True)
class ScriptedState:
    rows: Tensor  # of the table
    pictures: Tensor

    def select(self, rows: Tensor) -> "ScriptedState":
        return ScriptedState(self.rows[rows], self.pictures[rows])


class ScriptedDecoder(Decoder):
    """The first value of a picture's regions is its name, a number."""

    def __init__(self, *, vocabulary: int, seed: int = 0, sharpness: float = 2.0):
        super().__init__()
        logits = torch.randn(ROWS, vocabulary, generator=torch.Generator().manual_seed(seed))
        self.table = nn.Parameter((logits * sharpness).log_softmax(-1), requires_grad=False)

    def start(self, regions: Tensor) -> ScriptedState:
        names = regions[:, 0, 0].long()
        return ScriptedState(names % ROWS, names)

    def step(self, words: Tensor, state: ScriptedState) -> Step:  # type: ignore[override]
        rows = (state.rows * 31 + words * 7 + 1) % ROWS
        attention = torch.stack([rows, state.pictures, words], dim=1).float()
        return Step(self.table[rows], attention, ScriptedState(rows, state.pictures))

    def forward(self, regions: Tensor, words: object, pictures: Tensor) -> Tensor:
        raise NotImplementedError

    def next(self, picture: int, words: list[int]) -> Tensor:
        """Return the log-probabilities of the word after these."""
        row = picture % ROWS
        for word in [START, *words]:
            row = (row * 31 + word * 7 + 1) % ROWS
        return self.table[row].clone()

    def log_probs(self, picture: int, words: list[int]) -> list[float]:
        """Return the log-probabilities of a caption's words and of its end token."""
        ids = [*words, END]
        return [self.next(picture, ids[:n])[word].item() for n, word in enumerate(ids)]


def pictures(*names: int) -> Tensor:
    """Return the regions of pictures with these names."""
    return torch.tensor(names).float()[:, None, None].expand(-1, REGIONS, 2).clone()


def captions(vocabulary: int, longest: int) -> Iterator[list[int]]:
    """Enumerate all captions of ordinary words; none is empty."""
    for length in range(1, longest + 1):
        yield from (list(words) for words in product(range(4, vocabulary), repeat=length))
