"""The lesson's decoder: additive attention over regions, a GRU, two word layers or a deep output.

Attention: Bahdanau, Cho, Bengio, "Neural Machine Translation by Jointly Learning to Align and
Translate", ICLR 2015, appendix A.1.2; on pictures: Xu et al., "Show, Attend and Tell", ICML 2015,
sections 3.1.2 and 4.2 (deterministic soft attention). GRU: Cho et al., EMNLP 2014, with the reset
gate after the product (as Keras and torch do by default). Deep output: Xu et al., equation 7: the
next word is told from the state, from what was looked at, and from the last word. Gate: Xu et al.,
section 4.2.1: what was looked at counts as much as the state before lets it.

Differs from the lesson: the state is really carried from word to word (the lesson never hands it to
the GRU), it starts from the mean region (Xu et al., section 3.1.2) and not from zero, the attention
keys are computed once per picture, and dropout is there to be used.

The deep output differs from Xu et al.: its last layer is the words' own vectors (Press and Wolf,
"Using the Output Embedding to Improve Language Models", EACL 2017), a matrix as large as the
vocabulary less.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Literal, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tushuo.decoders.attention import exp_twice, look
from tushuo.decoders.base import Decoder, Step
from tushuo.decoders.gru_steps import GRUSteps
from tushuo.decoders.output_layer import even, next_words
from tushuo.decoders.precision import at_least_float32


@dataclass(frozen=True, kw_only=True)
class ShowAttendGRUConfig:
    """Sizes of the decoder; the defaults are the lesson's."""

    embedding: Annotated[int, "width of a word's vector and of a projected region"] = 256
    units: Annotated[int, "width of the GRU's state"] = 512
    attention: Annotated[int | None, "width in which state and regions are compared; units"] = None
    output: Annotated[
        Literal["two_layers", "deep"],
        "next words from the state alone, or from state, look and last word",
    ] = "two_layers"
    gate: Annotated[bool, "let the state say how much of what was looked at counts"] = False
    dropout: Annotated[float, "share of word vectors' and states' numbers dropped in training"] = (
        0.4
    )


@dataclass(frozen=True)
class GRUState:
    """The GRU's states, and the pictures' own numbers, shared by hypotheses.

    Hypotheses that went on from the same words share one state, until each hears a word of its own.

    Attributes:
        hidden: the GRU's states.
        pictures: the picture of each.
        rows: the state of each hypothesis; None: each has its own.
        values: projected regions.
        keys: what the attention compares, as `exp_twice` gives it.
    """

    hidden: Float[Tensor, "U H"]
    pictures: Int[Tensor, " U"]
    rows: Int[Tensor, " B"] | None
    values: Float[Tensor, "P R E"]
    keys: Float[Tensor, "P R A"]

    def select(self, rows: Int[Tensor, " K"]) -> "GRUState":
        """Keep, repeat or reorder hypotheses."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def distinct(self) -> tuple["GRUState", Int[Tensor, " B"] | None]:
        """Return the states that hypotheses have, each once, and which is whose; None: in order."""
        if self.rows is None:
            return self, None
        rows, whose = torch.unique(self.rows, return_inverse=True)
        if len(rows) == len(self.rows):
            rows, whose = self.rows, None
        # index_select and not [rows]: the way back of [rows] adds up in no fixed order
        hidden = self.hidden.index_select(0, rows)
        return replace(self, hidden=hidden, pictures=self.pictures[rows], rows=None), whose


@final
class ShowAttendGRU(Decoder):
    """Show, attend and tell with a GRU."""

    gate_table: Tensor | None
    output_weight: Tensor | None
    output_bias: Tensor | None

    def __init__(self, *, width: int, vocabulary: int, config: ShowAttendGRUConfig):
        super().__init__()
        E, H = config.embedding, config.units
        A = config.attention or H
        self.project = nn.Linear(width, E)
        self.initial = nn.Linear(E, H)
        self.key = nn.Linear(E, A)
        self.query = nn.Linear(H, A)
        self.energy = nn.Linear(A, 1, bias=False)  # softmax does not see a bias
        self.embedding = nn.Embedding(vocabulary, E)
        self.word_gates = nn.Linear(E, 3 * H)
        self.context_gates = nn.Linear(E, 3 * H, bias=False)
        self.hidden_gates = nn.Linear(H, 3 * H)
        self.deep = config.output == "deep"
        if self.deep:
            self.hidden_to_embedding = nn.Linear(H, E)
            self.context_to_embedding = nn.Linear(E, E, bias=False)
            self.word_bias = nn.Parameter(torch.zeros(vocabulary))
            nn.init.normal_(self.embedding.weight, std=E**-0.5)  # so that first logits are small
        else:
            self.pre_output = nn.Linear(H, H)
            self.output_layer = nn.Linear(H, vocabulary)
        self.gate = nn.Linear(H, 1) if config.gate else None
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("gate_table", None, persistent=False)  # (V, 3H), see `fold`
        self.register_buffer("output_weight", None, persistent=False)  # (V or a few more, H or E)
        self.register_buffer("output_bias", None, persistent=False)

    def precompute(self) -> None:
        """Multiply out, for speaking, layers that have nothing between them.

        A word's gates become a table, the two word layers one. They lie beside the weights, which
        stay as they are.
        """
        with torch.no_grad():
            self.gate_table = self.word_gates(self.embedding.weight)
            if self.deep:
                self.output_weight, self.output_bias = even(self.embedding.weight, self.word_bias)
                return
            first, last = self.pre_output, self.output_layer
            self.output_weight, self.output_bias = even(
                last.weight @ first.weight, last(first.bias)
            )

    def train(self, mode: bool = True) -> "ShowAttendGRU":
        """Begin or end learning; what was multiplied out goes before the weights change."""
        if mode:
            self.gate_table = self.output_weight = self.output_bias = None
        return super().train(mode)

    def start(self, regions: Float[Tensor, "P R D"]) -> GRUState:
        """Project the regions, make their attention keys and the first state."""
        values = self.project(regions).relu()
        hidden = self.initial(values.mean(dim=1)).tanh()
        pictures = torch.arange(len(regions), device=regions.device)
        return GRUState(hidden, pictures, None, values, exp_twice(self.key(values)))

    def step(self, words: Int[Tensor, " B"], state: GRUState) -> Step:  # type: ignore[override]
        """Take the last words in, give the next words' probabilities out."""
        state, whose = state.distinct()
        shared = self._before_words_come(state)
        if whose is not None:
            shared = [of.index_select(0, whose) for of in shared]
        hidden, opened, new, new_h, context, attention = shared
        gates, H = self._hear(words), hidden.shape[1]
        reset, update = (gates[:, : 2 * H] + opened).sigmoid_().chunk(2, dim=1)
        new = (gates[:, 2 * H :] + new).addcmul_(reset, new_h).tanh_()
        hidden = torch.lerp(new, hidden, update)
        log_probs = self._speak(words, hidden, context)
        pictures = state.pictures if whose is None else state.pictures[whose]
        return Step(log_probs, attention, replace(state, hidden=hidden, pictures=pictures))

    def _before_words_come(self, state: GRUState) -> list[Tensor]:
        """Return what hangs on the states alone, whatever word each hears.

        The state, what it and the look say to the reset and update gates, what the look says to
        the new state, what the state says to it, the look, and where it went.
        """
        hidden, twice = state.hidden, 2 * state.hidden.shape[1]
        query, keys, values = self.query(hidden), state.keys, state.values
        context, attention = look(query, keys, values, state.pictures, self.energy.weight[0])
        if self.gate is not None:
            context = context * self.gate(hidden).sigmoid()
        said, seen = self.hidden_gates(hidden), self.context_gates(context)
        opened = said[:, :twice] + seen[:, :twice]
        return [hidden, opened, seen[:, twice:], said[:, twice:], context, attention]

    def _hear(self, words: Int[Tensor, " B"]) -> Float[Tensor, "B _G"]:
        if self.gate_table is not None:
            return nn.functional.embedding(words, self.gate_table)
        return self.word_gates(self.dropout(self.embedding(words)))

    def _speak(
        self,
        words: Int[Tensor, " B"],
        hidden: Float[Tensor, "B H"],
        context: Float[Tensor, "B E"],
    ) -> Float[Tensor, "B V"]:
        told = hidden
        if self.deep:
            told = self._deep(self.dropout(self.embedding(words)), hidden, context)
        if self.output_weight is not None and self.output_bias is not None:
            said = next_words(told, self.output_weight, self.output_bias)
            return said[:, : self.embedding.num_embeddings]
        if self.deep:
            return next_words(told, self.embedding.weight, self.word_bias)
        told = self.pre_output(self.dropout(hidden))
        return next_words(told, self.output_layer.weight, self.output_layer.bias)

    def _deep(
        self,
        gate_table: Float[Tensor, "B E"],
        hidden: Float[Tensor, "B H"],
        context: Float[Tensor, "B E"],
    ) -> Float[Tensor, "B E"]:
        """Put together what the next word is told from, in the words' own space."""
        return (
            self.hidden_to_embedding(self.dropout(hidden))
            + self.context_to_embedding(context)
            + gate_table
        )

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions; the word layers run once for all steps."""
        return self.attend(regions, words, pictures)[0]

    def attend(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "N R"]]:
        """Do the same, and return where each word looked beside its logits."""
        state = self.start(regions)
        gate_table = self.dropout(self.embedding(words.data))
        gates = self.word_gates(gate_table)  # (N, 3H)
        hidden, keys, values = (
            of.index_select(0, pictures) for of in (state.hidden, state.keys, state.values)
        )
        asking = [
            layer for layer in (self.query, self.hidden_gates, self.gate) if layer is not None
        ]
        weight, bias = (
            torch.cat([getattr(layer, of) for layer in asking]) for of in ("weight", "bias")
        )
        given = (gates, hidden, keys, values, weight, bias, self.context_gates.weight)
        with torch.autocast(regions.device.type, enabled=False):
            floats = [at_least_float32(tensor) for tensor in (*given, self.energy.weight)]
            hidden, context, maps = GRUSteps.apply(*floats, words.batch_sizes.tolist())  # type: ignore[no-untyped-call]
        if self.deep:
            told = self._deep(gate_table, hidden, context)
            return nn.functional.linear(told, self.embedding.weight, self.word_bias), maps
        return self.output_layer(self.pre_output(self.dropout(hidden))), maps
