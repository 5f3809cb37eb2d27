"""GRU with additive attention over regions, and a two-layer or deep output.

Attention: Bahdanau, Cho, Bengio, "Neural Machine Translation by Jointly Learning to Align and
Translate", ICLR 2015, appendix A.1.2; on pictures: Xu et al., "Show, Attend and Tell", ICML 2015,
sections 3.1.2 and 4.2 (deterministic soft attention). GRU: Cho et al., EMNLP 2014, with the reset
gate applied after the product (the default in Keras and torch). Deep output: Xu et al., equation 7:
the next word is predicted from the hidden state, the context vector and the last word. Gate: Xu et
al., section 4.2.1: a scalar computed from the previous state scales the context vector.

Differs from the lesson (docs/lesson.md), whose sizes are the defaults: the hidden state is carried
from word to word (the lesson never passes it to the GRU), it is initialised from the mean region
(Xu et al., section 3.1.2) rather than zero, attention keys are computed once per picture, and
dropout is available.

The deep output differs from Xu et al.: its last layer is the embedding matrix (Press and Wolf,
"Using the Output Embedding to Improve Language Models", EACL 2017), which saves a matrix as large
as the vocabulary.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Literal, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tushuo.decoders.attention import additive_attention, exp_2x
from tushuo.decoders.base import Decoder, Step
from tushuo.decoders.gru_steps import GRUSteps
from tushuo.decoders.output_layer import output_log_probs, pad_output_rows
from tushuo.decoders.precision import at_least_float32


@dataclass(frozen=True, kw_only=True)
class ShowAttendGRUConfig:
    """Sizes of the decoder; the defaults are the lesson's."""

    embedding: Annotated[int, "width of word embeddings and projected regions"] = 256
    units: Annotated[int, "width of the GRU's hidden state"] = 512
    attention: Annotated[int | None, "width of the attention's hidden layer; default: units"] = None
    output: Annotated[
        Literal["two_layers", "deep"],
        "predict words from the hidden state, or from hidden state, context vector and last word",
    ] = "two_layers"
    gate: Annotated[bool, "scale the context vector by a gate computed from the state"] = False
    dropout: Annotated[float, "dropout probability of word embeddings and hidden states"] = 0.4


@dataclass(frozen=True)
class GRUState:
    """Hidden states, and per-picture tensors that hypotheses share.

    Hypotheses with the same words so far share one hidden state until they are given different
    words.

    Attributes:
        hidden: the GRU's hidden states.
        pictures: picture index of each hidden state.
        rows: hidden state of each hypothesis; None: each has its own, in order.
        values: projected regions.
        keys: attention keys, as `exp_2x` returns them.
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
        """Drop unused and repeated hidden states.

        Returns:
            A state with each hidden state once, and the index of each hypothesis' hidden state;
            None: hypotheses and hidden states correspond in order.
        """
        if self.rows is None:
            return self, None
        rows, inverse = torch.unique(self.rows, return_inverse=True)
        if len(rows) == len(self.rows):
            rows, inverse = self.rows, None
        # index_select rather than [rows], whose backward pass accumulates in no fixed order
        hidden = self.hidden.index_select(0, rows)
        return replace(self, hidden=hidden, pictures=self.pictures[rows], rows=None), inverse


@final
class ShowAttendGRU(Decoder):
    """Show, Attend and Tell with a GRU."""

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
        self.energy = nn.Linear(A, 1, bias=False)  # a bias would cancel in the softmax
        self.embedding = nn.Embedding(vocabulary, E)
        self.word_gates = nn.Linear(E, 3 * H)
        self.context_gates = nn.Linear(E, 3 * H, bias=False)
        self.hidden_gates = nn.Linear(H, 3 * H)
        self.deep = config.output == "deep"
        if self.deep:
            self.hidden_to_embedding = nn.Linear(H, E)
            self.context_to_embedding = nn.Linear(E, E, bias=False)
            self.word_bias = nn.Parameter(torch.zeros(vocabulary))
            nn.init.normal_(self.embedding.weight, std=E**-0.5)  # small initial logits
        else:
            self.pre_output = nn.Linear(H, H)
            self.output_layer = nn.Linear(H, vocabulary)
        self.gate = nn.Linear(H, 1) if config.gate else None
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("gate_table", None, persistent=False)  # (V, 3H), see `precompute`
        self.register_buffer("output_weight", None, persistent=False)  # (padded V, H or E)
        self.register_buffer("output_bias", None, persistent=False)

    def precompute(self) -> None:
        """Multiply adjacent linear layers, for inference.

        The words' gates become a table and the two output layers one matrix, kept in buffers beside
        the unchanged weights.
        """
        with torch.no_grad():
            self.gate_table = self.word_gates(self.embedding.weight)
            if self.deep:
                weight, bias = self.embedding.weight, self.word_bias
            else:
                first, last = self.pre_output, self.output_layer
                weight, bias = last.weight @ first.weight, last(first.bias)
            self.output_weight, self.output_bias = pad_output_rows(weight, bias)

    def train(self, mode: bool = True) -> "ShowAttendGRU":
        """Set training mode, which discards the precomputed products: the weights will change."""
        if mode:
            self.gate_table = self.output_weight = self.output_bias = None
        return super().train(mode)

    def start(self, regions: Float[Tensor, "P R D"]) -> GRUState:
        """Project the regions; compute their attention keys and the initial hidden state."""
        values = self.project(regions).relu()
        hidden = self.initial(values.mean(dim=1)).tanh()
        pictures = torch.arange(len(regions), device=regions.device)
        return GRUState(hidden, pictures, None, values, exp_2x(self.key(values)))

    def step(self, words: Int[Tensor, " B"], state: GRUState) -> Step:  # type: ignore[override]
        """Feed each hypothesis' last word; return log-probabilities of the next."""
        state, inverse = state.distinct()
        shared = self._state_only_parts(state)
        if inverse is not None:
            shared = [part.index_select(0, inverse) for part in shared]
        hidden, reset_update, new, new_h, context, attention = shared
        gates, H = self._input_gates(words), hidden.shape[1]
        reset, update = (gates[:, : 2 * H] + reset_update).sigmoid_().chunk(2, dim=1)
        new = (gates[:, 2 * H :] + new).addcmul_(reset, new_h).tanh_()
        hidden = torch.lerp(new, hidden, update)
        log_probs = self._log_probs(words, hidden, context)
        pictures = state.pictures if inverse is None else state.pictures[inverse]
        return Step(log_probs, attention, replace(state, hidden=hidden, pictures=pictures))

    def _state_only_parts(self, state: GRUState) -> list[Tensor]:
        """Compute the part of the step that depends only on the state, shared by all words.

        Returns:
            Hidden state; its and the context's sum for the reset and update gates; the context's
            part of the new state; the hidden state's part of it; context vector; attention weights.
        """
        hidden, H2 = state.hidden, 2 * state.hidden.shape[1]
        context, attention = additive_attention(
            self.query(hidden), state.keys, state.values, state.pictures, self.energy.weight[0]
        )
        if self.gate is not None:
            context = context * self.gate(hidden).sigmoid()
        from_hidden, from_context = self.hidden_gates(hidden), self.context_gates(context)
        reset_update = from_hidden[:, :H2] + from_context[:, :H2]
        new, new_h = from_context[:, H2:], from_hidden[:, H2:]
        return [hidden, reset_update, new, new_h, context, attention]

    def _input_gates(self, words: Int[Tensor, " B"]) -> Float[Tensor, "B _G"]:
        """Return the words' contribution to the gates."""
        if self.gate_table is not None:
            return nn.functional.embedding(words, self.gate_table)
        return self.word_gates(self.dropout(self.embedding(words)))

    def _log_probs(
        self,
        words: Int[Tensor, " B"],
        hidden: Float[Tensor, "B H"],
        context: Float[Tensor, "B E"],
    ) -> Float[Tensor, "B V"]:
        """Return log-probabilities of the next word."""
        features = hidden
        if self.deep:
            features = self._deep_output(self.dropout(self.embedding(words)), hidden, context)
        if self.output_weight is not None and self.output_bias is not None:
            log_probs = output_log_probs(features, self.output_weight, self.output_bias)
            return log_probs[:, : self.embedding.num_embeddings]
        if self.deep:
            return output_log_probs(features, self.embedding.weight, self.word_bias)
        features = self.pre_output(self.dropout(hidden))
        return output_log_probs(features, self.output_layer.weight, self.output_layer.bias)

    def _deep_output(
        self,
        embeddings: Float[Tensor, "B E"],
        hidden: Float[Tensor, "B H"],
        context: Float[Tensor, "B E"],
    ) -> Float[Tensor, "B E"]:
        """Combine what the next word is predicted from, in the space of the embeddings."""
        return (
            self.hidden_to_embedding(self.dropout(hidden))
            + self.context_to_embedding(context)
            + embeddings
        )

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions; the output layers run once for all steps."""
        return self.forward_with_attention(regions, words, pictures)[0]

    def forward_with_attention(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "N R"]]:
        """Run teacher-forced captions; return the logits and each word's attention map."""
        state = self.start(regions)
        embeddings = self.dropout(self.embedding(words.data))
        gates = self.word_gates(embeddings)  # (N, 3H)
        hidden, keys, values = (
            tensor.index_select(0, pictures) for tensor in (state.hidden, state.keys, state.values)
        )
        layers = [self.query, self.hidden_gates]
        if self.gate is not None:
            layers.append(self.gate)
        weight, bias = (
            torch.cat([getattr(layer, name) for layer in layers]) for name in ("weight", "bias")
        )
        inputs = [gates, hidden, keys, values, weight, bias, self.context_gates.weight]
        with torch.autocast(regions.device.type, enabled=False):
            inputs = [at_least_float32(tensor) for tensor in (*inputs, self.energy.weight)]
            hidden, context, maps = GRUSteps.apply(*inputs, words.batch_sizes.tolist())  # type: ignore[no-untyped-call]
        if self.deep:
            features = self._deep_output(embeddings, hidden, context)
            return nn.functional.linear(features, self.embedding.weight, self.word_bias), maps
        return self.output_layer(self.pre_output(self.dropout(hidden))), maps
