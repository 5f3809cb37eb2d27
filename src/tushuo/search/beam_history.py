"""How the hypotheses of a beam search came about, and those that have ended."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.errors import SettingError
from tushuo.search.candidates import Candidates, Plan
from tushuo.search.config import SearchConfig
from tushuo.search.filters import NEVER
from tushuo.search.hypothesis import Hypothesis
from tushuo.text.vocabulary import PAD


@dataclass(frozen=True)
class BeamHistory:
    """How hypotheses came about.

    Attributes:
        words: ids, with ``<end>``.
        log_probs: of each word.
        looked: the row of all attention in which each word's is.
    """

    words: Int[Tensor, "P N T"]
    log_probs: Float[Tensor, "P N T"]
    looked: Int[Tensor, "P N T"]

    @classmethod
    def empty(cls, P: int, N: int, config: SearchConfig, device: torch.device) -> "BeamHistory":
        """Make one without words yet."""
        words = torch.full((P, N, config.max_words + 1), PAD, device=device)
        return cls(words, torch.zeros(words.shape, device=device), torch.zeros_like(words))

    def follow(
        self, found: Candidates, log_probs: Float[Tensor, "B V"], seen: int, t: int
    ) -> "BeamHistory":
        """Go on from parents with word number t.

        Args:
            found: the parents and their next words.
            log_probs: what the decoder said of them, the hypotheses of a picture together.
            seen: how many rows of attention there were before this step's.
            t: the word's place.
        """
        parents, words = found.parents.flatten(1), found.words.flatten(1)
        first = torch.arange(len(parents), device=parents.device) * self.words.shape[1]
        rows = parents + first[:, None]
        grown = self.gather(parents)
        grown.words[..., t], grown.looked[..., t] = words, rows + seen
        grown.log_probs[..., t] = log_probs[rows, words].float()
        return grown

    def gather(self, places: Int[Tensor, "P M"]) -> "BeamHistory":
        """Take some hypotheses of each picture."""
        wide = places[..., None].expand(-1, -1, self.words.shape[2])
        return BeamHistory(
            *(of.gather(1, wide) for of in (self.words, self.log_probs, self.looked))
        )

    def select(self, pictures: Int[Tensor, " _Q"]) -> "BeamHistory":
        """Take some pictures."""
        return BeamHistory(*(of[pictures] for of in (self.words, self.log_probs, self.looked)))


@final
class Finished:
    """The best ended captions of each lane; a lane that has its number is full and stays so."""

    def __init__(self, pictures: int, plan: Plan, config: SearchConfig, device: torch.device):
        self._config = config
        self.ranks = torch.full((pictures, plan.answers, plan.width), NEVER, device=device)
        self.lengths = torch.zeros(self.ranks.shape, dtype=torch.long, device=device)
        self.trail = BeamHistory.empty(pictures, plan.answers * plan.width, config, device)

    def slots_left(self, pictures: Int[Tensor, " Q"]) -> Int[Tensor, "Q lanes"]:
        """Say how many captions each lane of some pictures still wants."""
        return (self.ranks[pictures] == NEVER).sum(dim=2)

    def take(
        self, pictures: Int[Tensor, " Q"], ends: Candidates, trail: BeamHistory, length: int
    ) -> None:
        """Keep the best of those that are here and of those that come with ``length`` words."""
        width = self.ranks.shape[2]
        ranks = torch.cat([self.ranks[pictures], rank(ends.scores, length, self._config)], dim=2)
        self.ranks[pictures], places = ranks.topk(width, dim=2)
        lengths = torch.cat([self.lengths[pictures], torch.full_like(ends.words, length)], dim=2)
        self.lengths[pictures] = lengths.gather(2, places)
        lanes = self.ranks.shape[1]
        here = self.trail.select(pictures)
        for kept, old, new in (
            (self.trail.words, here.words, trail.words),
            (self.trail.log_probs, here.log_probs, trail.log_probs),
            (self.trail.looked, here.looked, trail.looked),
        ):
            both = torch.cat([of.view(len(of), lanes, -1, of.shape[2]) for of in (old, new)], dim=2)
            wide = places[..., None].expand(-1, -1, -1, both.shape[3])
            kept[pictures] = both.gather(2, wide).flatten(1, 2)

    def hypotheses(self, n_best: int, attention: Float[Tensor, "N R"]) -> list[list[Hypothesis]]:
        """Give the best of each picture: the best of each lane first, then the second ones.

        Raises:
            SettingError: a picture has none.
        """
        ranks, lengths = self.ranks.flatten(1).tolist(), self.lengths.flatten(1).tolist()
        words, log_probs = self.trail.words.tolist(), self.trail.log_probs.tolist()
        looked, width = self.trail.looked, self.ranks.shape[2]
        answers: list[list[Hypothesis]] = []
        for picture, of in enumerate(ranks):
            order = sorted(
                (place for place, one in enumerate(of) if one > NEVER),
                key=lambda place: (place % width, -of[place]),
            )
            found: dict[tuple[int, ...], Hypothesis] = {}
            for place in order:
                length = lengths[picture][place]
                said = words[picture][place][: length - 1]
                if tuple(said) not in found and len(found) < n_best:
                    maps = attention.index_select(0, looked[picture, place, : length - 1])
                    found[tuple(said)] = Hypothesis(
                        said, log_probs[picture][place][:length], maps.float().cpu()
                    )
            answers.append(list(found.values()))
        if not all(answers):
            raise SettingError(
                "no caption was found that keeps all constraints; loosen them, or raise beam-size "
                "or max-words"
            )
        return answers


def rank(
    scores: Float[Tensor, "P lanes C"], length: int, config: SearchConfig
) -> Float[Tensor, "P lanes C"]:
    """Make captions of different lengths comparable; the end counts as a word."""
    if config.length_norm == "sum":
        return scores
    if config.length_norm == "mean":
        return scores / length
    return scores / ((5 + length) / 6) ** config.gnmt_alpha
