"""The words behind the hypotheses of a beam search, and the finished captions."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.decoders.precision import at_least_float32
from tushuo.errors import SettingError
from tushuo.search.candidates import Candidates, Plan
from tushuo.search.config import SearchConfig
from tushuo.search.filters import NEVER
from tushuo.search.hypothesis import Hypothesis
from tushuo.text.vocabulary import PAD


@dataclass(frozen=True)
class BeamHistory:
    """The words of each hypothesis so far.

    Attributes:
        words: token ids, the end token included.
        log_probs: log-probability of each word.
        attention_rows: row of each word's attention weights, in the rows of all steps so far.
    """

    words: Int[Tensor, "P N T"]
    log_probs: Float[Tensor, "P N T"]
    attention_rows: Int[Tensor, "P N T"]

    @classmethod
    def empty(cls, P: int, N: int, config: SearchConfig, device: torch.device) -> "BeamHistory":
        """Create a history without words."""
        words = torch.full((P, N, config.max_words + 1), PAD, device=device)
        return cls(words, torch.zeros(words.shape, device=device), torch.zeros_like(words))

    def extend(
        self, candidates: Candidates, log_probs: Float[Tensor, "B V"], offset: int, t: int
    ) -> "BeamHistory":
        """Append word number t to its parents.

        Args:
            candidates: parents and their next words.
            log_probs: the decoder's log-probabilities; the hypotheses of a picture are adjacent.
            offset: number of attention rows before this step's.
            t: position of the word.
        """
        parents, words = candidates.parents.flatten(1), candidates.words.flatten(1)
        first = torch.arange(len(parents), device=parents.device) * self.words.shape[1]
        rows = parents + first[:, None]
        extended = self.gather(parents)
        extended.words[..., t], extended.attention_rows[..., t] = words, rows + offset
        extended.log_probs[..., t] = log_probs[rows, words].float()
        return extended

    def gather(self, places: Int[Tensor, "P M"]) -> "BeamHistory":
        """Select hypotheses of each picture."""
        index = places[..., None].expand(-1, -1, self.words.shape[2])
        return BeamHistory(*(values.gather(1, index) for values in self._tensors()))

    def select(self, pictures: Int[Tensor, " _Q"]) -> "BeamHistory":
        """Select pictures."""
        return BeamHistory(*(values[pictures] for values in self._tensors()))

    def _tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.words, self.log_probs, self.attention_rows


@final
class Finished:
    """The best finished captions of each lane; a complete lane does not change any more."""

    def __init__(self, pictures: int, plan: Plan, config: SearchConfig, device: torch.device):
        self._config = config
        self.scores = torch.full((pictures, plan.outputs, plan.width), NEVER, device=device)
        self.lengths = torch.zeros(self.scores.shape, dtype=torch.long, device=device)
        self.history = BeamHistory.empty(pictures, plan.outputs * plan.width, config, device)

    def slots_left(self, pictures: Int[Tensor, " Q"]) -> Int[Tensor, "Q outputs"]:
        """Return how many finished captions each output of some pictures still lacks."""
        return (self.scores[pictures] == NEVER).sum(dim=2)

    def add(
        self, pictures: Int[Tensor, " Q"], ended: Candidates, history: BeamHistory, length: int
    ) -> None:
        """Keep the best of the present captions and of new ones with ``length`` words."""
        self.scores = self.scores.type_as(at_least_float32(ended.scores))
        width = self.scores.shape[2]
        new_scores = ended.scores / length_divisor(length, self._config)
        scores = torch.cat([self.scores[pictures], new_scores], dim=2)
        self.scores[pictures], places = scores.topk(width, dim=2)
        lengths = torch.cat([self.lengths[pictures], torch.full_like(ended.words, length)], dim=2)
        self.lengths[pictures] = lengths.gather(2, places)
        lanes = self.scores.shape[1]
        present = self.history.select(pictures)
        for target, old, new in (
            (self.history.words, present.words, history.words),
            (self.history.log_probs, present.log_probs, history.log_probs),
            (self.history.attention_rows, present.attention_rows, history.attention_rows),
        ):
            by_lane = [
                values.view(len(values), lanes, -1, values.shape[2]) for values in (old, new)
            ]
            both = torch.cat(by_lane, dim=2)
            index = places[..., None].expand(-1, -1, -1, both.shape[3])
            target[pictures] = both.gather(2, index).flatten(1, 2)

    def best_words(self) -> list[list[int]]:
        """Return the words of each picture's best finished caption; empty where there is none."""
        best = self.scores.flatten(1).argmax(dim=1)
        rows = torch.arange(len(best), device=best.device)
        words = self.history.words[rows, best].tolist()
        lengths = self.lengths.flatten(1)[rows, best].tolist()
        return [ids[: max(0, n - 1)] for ids, n in zip(words, lengths, strict=True)]

    def hypotheses(self, n_best: int, attention: Float[Tensor, "N R"]) -> list[list[Hypothesis]]:
        """Return the best captions of each picture: the best of each lane, then the second best.

        Raises:
            SettingError: a picture has none.
        """
        scores, lengths = self.scores.flatten(1).tolist(), self.lengths.flatten(1).tolist()
        words, log_probs = self.history.words.tolist(), self.history.log_probs.tolist()
        attention_rows, width = self.history.attention_rows, self.scores.shape[2]
        results: list[list[Hypothesis]] = []
        for picture, picture_scores in enumerate(scores):
            order = sorted(
                (place for place, value in enumerate(picture_scores) if value > NEVER),
                key=lambda place: (place % width, -picture_scores[place]),
            )
            distinct: dict[tuple[int, ...], Hypothesis] = {}
            for place in order:
                length = lengths[picture][place]
                caption = words[picture][place][: length - 1]
                if tuple(caption) not in distinct and len(distinct) < n_best:
                    rows = attention_rows[picture, place, : length - 1]
                    maps = attention.index_select(0, rows).float().cpu()
                    values = log_probs[picture][place][:length]
                    distinct[tuple(caption)] = Hypothesis(caption, values, maps)
            results.append(list(distinct.values()))
        if not all(results):
            raise SettingError(
                "the search ended without a caption that satisfies the constraints; loosen them, "
                "or raise beam-size or max-words"
            )
        return results


def length_divisor(length: int, config: SearchConfig) -> float:
    """Return what the score of a caption is divided by; its end token counts as a word."""
    if config.length_norm == "sum":
        return 1.0
    if config.length_norm == "mean":
        return float(length)
    return float(((5 + length) / 6) ** config.gnmt_alpha)
