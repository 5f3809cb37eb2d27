"""A decoder without weights: a table says the next word's probabilities, for every history."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn

from tushuo.decoders.base import Decoder, Step
from tushuo.text.vocabulary import END, START

REGIONS = 3
ROWS = 101  # of the table: what a history is remembered by


@dataclass(frozen=True)
class Remembered:
    rows: Tensor  # of the table
    pictures: Tensor

    def select(self, rows: Tensor) -> "Remembered":
        return Remembered(self.rows[rows], self.pictures[rows])


class ScriptedDecoder(Decoder):
    """The first number of a picture's regions is its name."""

    def __init__(self, *, vocabulary: int, seed: int = 0, sharpness: float = 2.0):
        super().__init__()
        made = torch.randn(ROWS, vocabulary, generator=torch.Generator().manual_seed(seed))
        self.table = nn.Parameter((made * sharpness).log_softmax(-1), requires_grad=False)

    def start(self, regions: Tensor) -> Remembered:
        names = regions[:, 0, 0].long()
        return Remembered(names % ROWS, names)

    def step(self, words: Tensor, state: Remembered) -> Step:  # type: ignore[override]
        rows = (state.rows * 31 + words * 7 + 1) % ROWS
        attention = torch.stack([rows, state.pictures, words], dim=1).float()
        return Step(self.table[rows], attention, Remembered(rows, state.pictures))

    def forward(self, regions: Tensor, words: object, pictures: Tensor) -> Tensor:
        raise NotImplementedError

    def next(self, picture: int, words: list[int]) -> Tensor:
        """Return the log-probabilities of the word after these."""
        row = picture % ROWS
        for word in [START, *words]:
            row = (row * 31 + word * 7 + 1) % ROWS
        return self.table[row].clone()

    def told(self, picture: int, words: list[int]) -> list[float]:
        """Return the log-probabilities of a caption, its end included."""
        whole = [*words, END]
        return [self.next(picture, whole[:n])[word].item() for n, word in enumerate(whole)]


def pictures(*names: int) -> Tensor:
    """Return regions of pictures."""
    return torch.tensor(names).float()[:, None, None].expand(-1, REGIONS, 2).clone()


def captions(vocabulary: int, longest: int) -> Iterator[list[int]]:
    """Enumerate all captions of ordinary words."""
    for length in range(longest + 1):
        yield from (list(words) for words in product(range(4, vocabulary), repeat=length))
