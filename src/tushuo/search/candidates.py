"""Continuations of hypotheses: which exist, which stay in the beam, which finish."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.search.filters import NEVER
from tushuo.text.vocabulary import END

FAST_TOPK = 64  # torch on the CPU finds k of n in one pass where n is at least 64 k


@dataclass(frozen=True)
class Candidates:
    """Continuations of hypotheses, the best of each lane first.

    Attributes:
        scores: log-probability of the whole hypothesis; minus infinity where there is none.
        parents: place of the continued hypothesis among its picture's.
        words: the next word.
    """

    scores: Float[Tensor, "P lanes C"]
    parents: Int[Tensor, "P lanes C"]
    words: Int[Tensor, "P lanes C"]

    @classmethod
    def join(cls, parts: "Sequence[Candidates]", dim: int) -> "Candidates":
        """Concatenate lanes (dim 1), or the continuations of each lane (dim 2)."""
        return cls(
            torch.cat([part.scores for part in parts], dim=dim),
            torch.cat([part.parents for part in parts], dim=dim),
            torch.cat([part.words for part in parts], dim=dim),
        )

    def lane(self, place: int) -> "Candidates":
        """Return one lane."""
        return Candidates(*(values[:, place, None] for values in self._tensors()))

    def pick(self, places: Int[Tensor, "P lanes K"]) -> "Candidates":
        """Select continuations of each lane."""
        return Candidates(*(values.gather(2, places) for values in self._tensors()))

    def best(self, width: int) -> "Candidates":
        """Return the best of each lane, or all where there are fewer."""
        return self.pick(self.scores.topk(min(width, self.scores.shape[2]), dim=2).indices)

    def ended(self, width: int) -> "Candidates":
        """Return those among the first ``width`` that end."""
        first = Candidates(*(values[..., :width] for values in self._tensors()))
        return replace(first, scores=first.scores.masked_fill(first.words != END, NEVER))

    def unfinished(self, width: int) -> "Candidates":
        """Return the first ``width`` that do not end."""
        C = self.words.shape[2]
        order = (self.words == END).long() * C + torch.arange(C, device=self.words.device)
        picked = self.pick(order.topk(min(width, C), dim=2, largest=False).indices)
        return replace(picked, scores=picked.scores.masked_fill(picked.words == END, NEVER))

    def _tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.scores, self.parents, self.words


Expand = Callable[
    [
        Float[Tensor, "P lanes K"],
        Float[Tensor, "P lanes K V"],
        Int[Tensor, "P lanes K _T"],
        Int[Tensor, "P outputs"],
    ],
    tuple[Candidates, Candidates],
]
"""In: total scores, log-probabilities of the next word, words so far, and the number of finished
captions that each output still lacks. Out: unfinished continuations of each lane, and ended ones of
each output; `Plan` says what an output is."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the hypotheses of a picture are arranged.

    Attributes:
        expand: chooses continuations.
        width: hypotheses in each lane.
        lanes: number of lanes.
        outputs: number of lanes whose captions may finish; each collects ``width`` finished
            captions of its own. The search starts in the first ``outputs`` lanes.
    """

    expand: Expand
    width: int
    lanes: int = 1
    outputs: int = 1


def expand_beam(
    totals: Tensor, scores: Tensor, words: Tensor, slots_left: Tensor
) -> tuple[Candidates, Candidates]:
    """Choose the best continuations of all hypotheses of a lane."""
    width = totals.shape[2]
    candidates = continuations(totals, scores).best(2 * width)
    return candidates.unfinished(width), candidates.ended(width)


def continuations(
    totals: Float[Tensor, "P lanes K"], scores: Float[Tensor, "P lanes K V"]
) -> Candidates:
    """Return each hypothesis's most probable next words: twice as many as a lane is wide.

    That is enough, because at most ``K`` of a lane's best ``2 K`` end.
    """
    _, lanes, K, V = scores.shape
    values, words = top_words(scores, min(2 * K, V))
    parents = torch.arange(lanes * K, device=words.device).view(1, lanes, K, 1).expand_as(words)
    return Candidates(
        *((totals[..., None] + values).flatten(2), parents.flatten(2), words.flatten(2))
    )


def top_words(
    scores: Float[Tensor, "P lanes K V"], count: int
) -> tuple[Float[Tensor, "P lanes K C"], Int[Tensor, "P lanes K C"]]:
    """Return the ``count`` best words and their scores, as ``topk`` does, but faster.

    The vocabulary is laid out in a few rows; the best words lie in the ``count`` columns with the
    largest maxima. All words are then read once, at memory speed. The number of columns is what
    torch's ``topk`` needs for its fastest path.
    """
    V = scores.shape[-1]
    rows = max(1, V // (FAST_TOPK * count))
    columns = V // rows
    maxima = torch.unflatten(scores[..., : rows * columns], -1, (rows, columns)).amax(dim=-2)
    first = maxima.topk(count, dim=-1).indices.unsqueeze(-2)  # (P, lanes, K, 1, C)
    offsets = torch.arange(0, rows * columns, columns, device=scores.device).unsqueeze(1)
    words = first + offsets
    rest = torch.arange(rows * columns, V, device=scores.device).expand(*scores.shape[:-1], -1)
    words = torch.cat([words.flatten(-2), rest], dim=-1)
    values, places = scores.gather(-1, words).topk(count, dim=-1)
    return values, words.gather(-1, places)
