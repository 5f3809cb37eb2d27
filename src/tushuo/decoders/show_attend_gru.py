"""The lesson's decoder: additive attention over regions, a GRU, two word layers.

Attention: Bahdanau, Cho, Bengio, "Neural Machine Translation by Jointly Learning to Align and
Translate", ICLR 2015, appendix A.1.2; on pictures: Xu et al., "Show, Attend and Tell", ICML 2015,
section 3.1.2 (deterministic soft attention). GRU: Cho et al., EMNLP 2014, with the reset gate after
the product (as Keras and torch do by default).

Differs from the lesson: the state is really carried from word to word (the lesson never hands it to
the GRU), it starts from the mean region (Xu et al., section 3.1.2) and not from zero, the attention
keys are computed once per picture, and dropout is there to be used.
"""

from dataclasses import dataclass
from typing import Annotated, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tushuo.decoders.base import Decoder, Step


@dataclass(frozen=True, kw_only=True)
class ShowAttendGRUConfig:
    """Sizes of the decoder; the defaults are the lesson's."""

    embedding: Annotated[int, "width of a word's vector and of a projected region"] = 256
    units: Annotated[int, "width of the GRU's state and of the attention"] = 512
    dropout: Annotated[float, "share of word vectors' and states' numbers dropped in training"] = (
        0.4
    )


@dataclass(frozen=True)
class GRUState:
    """The GRU's state per hypothesis, and the pictures' own numbers, shared by hypotheses."""

    hidden: Float[Tensor, "B H"]
    pictures: Int[Tensor, " B"]
    values: Float[Tensor, "P R E"]
    keys: Float[Tensor, "P R H"]

    def select(self, rows: Int[Tensor, " K"]) -> "GRUState":
        """Keep, repeat or reorder hypotheses."""
        return GRUState(self.hidden[rows], self.pictures[rows], self.values, self.keys)


@final
class ShowAttendGRU(Decoder):
    """Show, attend and tell with a GRU."""

    def __init__(self, *, width: int, vocabulary: int, config: ShowAttendGRUConfig):
        super().__init__()
        E, H = config.embedding, config.units
        self.project = nn.Linear(width, E)
        self.initial = nn.Linear(E, H)
        self.key = nn.Linear(E, H)
        self.query = nn.Linear(H, H)
        self.energy = nn.Linear(H, 1, bias=False)  # softmax does not see a bias
        self.embedding = nn.Embedding(vocabulary, E)
        self.word_gates = nn.Linear(E, 3 * H)
        self.context_gates = nn.Linear(E, 3 * H, bias=False)
        self.hidden_gates = nn.Linear(H, 3 * H)
        self.before_words = nn.Linear(H, H)
        self.word_layer = nn.Linear(H, vocabulary)
        self.dropout = nn.Dropout(config.dropout)

    def start(self, regions: Float[Tensor, "P R D"]) -> GRUState:
        """Project the regions, make their attention keys and the first state."""
        values = self.project(regions).relu()
        hidden = self.initial(values.mean(dim=1)).tanh()
        pictures = torch.arange(len(regions), device=regions.device)
        return GRUState(hidden, pictures, values, self.key(values))

    def step(self, words: Int[Tensor, " B"], state: GRUState) -> Step:  # type: ignore[override]
        """Take the last words in, give the next words' probabilities out."""
        gates = self.word_gates(self.dropout(self.embedding(words)))
        keys, values = state.keys[state.pictures], state.values[state.pictures]
        hidden, attention = self._advance(gates, state.hidden, keys, values)
        log_probs = self._logits(hidden).log_softmax(dim=-1)
        return Step(
            log_probs, attention, GRUState(hidden, state.pictures, state.values, state.keys)
        )

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions; the word layers run once for all steps."""
        state = self.start(regions).select(pictures)
        gates = self.word_gates(self.dropout(self.embedding(words.data)))  # (N, 3H)
        keys, values = state.keys[pictures], state.values[pictures]
        hidden, states = state.hidden, []
        for gates_now in gates.split(words.batch_sizes.tolist()):
            B = len(gates_now)  # captions end, the longest come first: rows fall off at the end
            hidden, _ = self._advance(gates_now, hidden[:B], keys[:B], values[:B])
            states.append(hidden)
        return self._logits(torch.cat(states))

    def _advance(
        self,
        gates: Float[Tensor, "B G"],
        hidden: Float[Tensor, "B H"],
        keys: Float[Tensor, "B R H"],
        values: Float[Tensor, "B R E"],
    ) -> tuple[Float[Tensor, "B H"], Float[Tensor, "B R"]]:
        """Attend, then one GRU step."""
        energy = self.energy((keys + self.query(hidden).unsqueeze(1)).tanh())  # (B, R, 1)
        attention = energy.squeeze(-1).softmax(dim=-1)
        context = torch.bmm(attention.unsqueeze(1), values).squeeze(1)  # (B, E)
        gates = gates + self.context_gates(context)
        reset, update, new = gates.chunk(3, dim=-1)
        reset_h, update_h, new_h = self.hidden_gates(hidden).chunk(3, dim=-1)
        reset, update = (reset + reset_h).sigmoid(), (update + update_h).sigmoid()
        new = (new + reset * new_h).tanh()
        return torch.lerp(new, hidden, update), attention

    def _logits(self, hidden: Float[Tensor, "N H"]) -> Float[Tensor, "N V"]:
        return self.word_layer(self.before_words(self.dropout(hidden)))
