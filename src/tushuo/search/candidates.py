"""Continuations of hypotheses: which there are, which go on, which end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.search.filters import NEVER
from tushuo.text.vocabulary import END

FAST_TOPK = 64  # torch on a processor looks for k of n in one pass where n is at least 64 k


@dataclass(frozen=True)
class Candidates:
    """Continuations of hypotheses, the best of each lane first.

    Attributes:
        scores: log-probability of the whole, minus infinity for none.
        parents: place of the continued hypothesis among its picture's.
        words: what is said next.
    """

    scores: Float[Tensor, "P lanes C"]
    parents: Int[Tensor, "P lanes C"]
    words: Int[Tensor, "P lanes C"]

    @classmethod
    def join(cls, parts: "Sequence[Candidates]", dim: int) -> "Candidates":
        """Put lanes side by side (dim 1), or more continuations into each lane (dim 2)."""
        return cls(
            torch.cat([of.scores for of in parts], dim=dim),
            torch.cat([of.parents for of in parts], dim=dim),
            torch.cat([of.words for of in parts], dim=dim),
        )

    def lane(self, place: int) -> "Candidates":
        """Take one lane."""
        return Candidates(*(of[:, place, None] for of in (self.scores, self.parents, self.words)))

    def pick(self, places: Int[Tensor, "P lanes K"]) -> "Candidates":
        """Take some of each lane."""
        return Candidates(*(of.gather(2, places) for of in (self.scores, self.parents, self.words)))

    def best(self, width: int) -> "Candidates":
        """Take the best of each lane; where there are fewer, all."""
        return self.pick(self.scores.topk(min(width, self.scores.shape[2]), dim=2).indices)

    def ends(self, width: int) -> "Candidates":
        """Take the ends among the first ``width``."""
        first = Candidates(*(of[..., :width] for of in (self.scores, self.parents, self.words)))
        return replace(first, scores=first.scores.masked_fill(first.words != END, NEVER))

    def unfinished(self, width: int) -> "Candidates":
        """Take the first ``width`` that do not end."""
        C = self.words.shape[2]
        order = (self.words == END).long() * C + torch.arange(C, device=self.words.device)
        places = order.topk(min(width, C), dim=2, largest=False).indices
        found = self.pick(places)
        return replace(found, scores=found.scores.masked_fill(found.words == END, NEVER))


Expand = Callable[
    [
        Float[Tensor, "P lanes K"],
        Float[Tensor, "P lanes K V"],
        Int[Tensor, "P lanes K _T"],
        Int[Tensor, "P answers"],
    ],
    tuple[Candidates, Candidates],
]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How hypotheses stand.

    Attributes:
        expand: scores so far, log-probabilities, words so far and how many captions a lane still
            wants, in; what goes on and what ends, out.
        width: hypotheses a lane.
        lanes: lanes a picture.
        answers: lanes that a caption may begin and end in.
    """

    expand: Expand
    width: int
    lanes: int = 1
    answers: int = 1


def plain(
    totals: Tensor, scores: Tensor, said: Tensor, slots_left: Tensor
) -> tuple[Candidates, Candidates]:
    """Take the best continuations of all hypotheses of a lane."""
    width = totals.shape[2]
    found = continuations(totals, scores).best(2 * width)
    return found.unfinished(width), found.ends(width)


def continuations(
    totals: Float[Tensor, "P lanes K"], scores: Float[Tensor, "P lanes K V"]
) -> Candidates:
    """Return each hypothesis' likeliest next words: twice as many as a lane is wide.

    That is enough: of the best ``2 K`` of a lane at most ``K`` end.
    """
    _, lanes, K, V = scores.shape
    values, words = likeliest(scores, min(2 * K, V))
    parents = torch.arange(lanes * K, device=words.device).view(1, lanes, K, 1).expand_as(words)
    return Candidates(
        *((totals[..., None] + values).flatten(2), parents.flatten(2), words.flatten(2))
    )


def likeliest(
    scores: Float[Tensor, "P lanes K V"], count: int
) -> tuple[Float[Tensor, "P lanes K C"], Int[Tensor, "P lanes K C"]]:
    """Return the ``count`` best words and their scores, as ``topk`` does.

    They are in the ``count`` columns with the best words, once the words are written down in a few
    rows; so all words are passed over once, as fast as memory gives them. As many columns as
    torch's ``topk`` wants to be at its fastest.
    """
    V = scores.shape[-1]
    tall = max(1, V // (FAST_TOPK * count))
    wide = V // tall
    columns = torch.unflatten(scores[..., : tall * wide], -1, (tall, wide)).amax(dim=-2)
    first = columns.topk(count, dim=-1).indices.unsqueeze(-2)  # (P, lanes, K, 1, C)
    words = first + torch.arange(0, tall * wide, wide, device=scores.device).unsqueeze(1)
    rest = torch.arange(tall * wide, V, device=scores.device).expand(*scores.shape[:-1], -1)
    words = torch.cat([words.flatten(-2), rest], dim=-1)
    values, places = scores.gather(-1, words).topk(count, dim=-1)
    return values, words.gather(-1, places)
