"""Top-down attention: an attention LSTM chooses where to attend, a language LSTM predicts words.

Anderson et al., "Bottom-Up and Top-Down Attention for Image Captioning and Visual Question
Answering", CVPR 2018, section 3.2. LSTM: Hochreiter and Schmidhuber, Neural Computation 1997, with
forget gates.

Differs from the paper: regions come from any encoder and are projected before attention; half the
paper's widths and a quarter of its embedding width, since captioned pictures are few; dropout of
embeddings and of the output layer's input; larger initial weights of the output layer
(`OUTPUT_SCALE`).
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tushuo.decoders.attention import TeacherForcedAttention, additive_attention, exp_2x
from tushuo.decoders.base import Decoder, Step
from tushuo.decoders.output_layer import output_log_probs
from tushuo.decoders.precision import at_least_float32

# Factor on the output layer's initial weights. A word passes two gates, half open at first, before
# it reaches the output layer, so hidden states start near zero: with the usual weights, logits
# hardly depend on them and gradients are small.
OUTPUT_SCALE = 3


@dataclass(frozen=True, kw_only=True)
class TopDownConfig:
    """Sizes of the decoder."""

    embedding: Annotated[int, "width of word embeddings and projected regions"] = 256
    units: Annotated[int, "width of each LSTM's hidden state"] = 512
    attention: Annotated[int, "width of the attention's hidden layer"] = 256
    dropout: Annotated[float, "dropout probability of word embeddings and hidden states"] = 0.4


@dataclass(frozen=True)
class TopDownState:
    """States of both LSTMs per hypothesis, and per-picture tensors that hypotheses share.

    Attributes:
        memory: hidden state of the language and of the attention LSTM, cell of each.
        pictures: picture index of each hypothesis.
        values: projected regions.
        keys: attention keys, as `exp_2x` returns them.
        mean: the mean region's contribution to the attention LSTM's gates.
    """

    memory: Float[Tensor, "B 4 H"]
    pictures: Int[Tensor, " B"]
    values: Float[Tensor, "P R E"]
    keys: Float[Tensor, "P R A"]
    mean: Float[Tensor, "P G"]

    def select(self, rows: Int[Tensor, " K"]) -> "TopDownState":
        """Keep, repeat or reorder hypotheses."""
        memory = self.memory.index_select(0, rows)
        return replace(self, memory=memory, pictures=self.pictures[rows])


@final
class TopDown(Decoder):
    """Two LSTMs with attention between them."""

    def __init__(self, *, width: int, vocabulary: int, config: TopDownConfig):
        super().__init__()
        E, H, A = config.embedding, config.units, config.attention
        self.project = nn.Linear(width, E)
        self.key = nn.Linear(E, A)
        self.query = nn.Linear(H, A)
        self.energy = nn.Linear(A, 1, bias=False)  # a bias would cancel in the softmax
        self.embedding = nn.Embedding(vocabulary, E)
        self.word_gates = nn.Linear(E, 4 * H, bias=False)
        self.mean_gates = nn.Linear(E, 4 * H, bias=False)
        # attention LSTM: of the language LSTM's hidden state and its own
        self.first_gates = nn.Linear(2 * H, 4 * H)
        # language LSTM: of the context vector, the attention LSTM's hidden state and its own
        self.second_gates = nn.Linear(E + 2 * H, 4 * H)
        self.output_layer = nn.Linear(H, vocabulary)
        with torch.no_grad():
            self.output_layer.weight.mul_(OUTPUT_SCALE)
        self.dropout = nn.Dropout(config.dropout)

    def start(self, regions: Float[Tensor, "P R D"]) -> TopDownState:
        """Project the regions and compute their attention keys; both LSTMs start from zeros."""
        values = self.project(regions).relu()
        return TopDownState(
            memory=values.new_zeros(len(values), 4, self.query.in_features),
            pictures=torch.arange(len(regions), device=regions.device),
            values=values,
            keys=exp_2x(self.key(values)),
            mean=self.mean_gates(values.mean(dim=1)),
        )

    def step(self, words: Int[Tensor, " B"], state: TopDownState) -> Step:  # type: ignore[override]
        """Feed each hypothesis' last word; return log-probabilities of the next."""
        language_h, attention_h, language_cell, attention_cell = state.memory.unbind(1)
        gates = self._input_gates(words) + state.mean.index_select(0, state.pictures)
        gates = gates + self.first_gates(state.memory[:, :2].flatten(1))
        attention_h, attention_cell, _ = _lstm(gates, attention_cell)
        query, energy_weight = self.query(attention_h), self.energy.weight[0]
        context, attention = additive_attention(
            query, state.keys, state.values, state.pictures, energy_weight
        )
        gates = self.second_gates(torch.cat([context, attention_h, language_h], dim=1))
        language_h, language_cell, _ = _lstm(gates, language_cell)
        log_probs = output_log_probs(
            self.dropout(language_h), self.output_layer.weight, self.output_layer.bias
        )
        memory = torch.stack([language_h, attention_h, language_cell, attention_cell], dim=1)
        return Step(log_probs, attention, replace(state, memory=memory))

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions; layers outside the recurrence run once for all steps."""
        state = self.start(regions)
        mean, keys, values = (
            tensor.index_select(0, pictures) for tensor in (state.mean, state.keys, state.values)
        )
        layers = (self.first_gates, self.query, self.second_gates)
        inputs = [self._input_gates(words.data), mean, keys, values]
        inputs += [tensor for layer in layers for tensor in (layer.weight, layer.bias)]
        with torch.autocast(regions.device.type, enabled=False):
            inputs = [at_least_float32(tensor) for tensor in (*inputs, self.energy.weight)]
            language_h: Tensor = _TopDownSteps.apply(*inputs, words.batch_sizes.tolist())  # type: ignore[no-untyped-call]
        return self.output_layer(self.dropout(language_h))

    def _input_gates(self, words: Int[Tensor, " N"]) -> Float[Tensor, "N G"]:
        """Return the words' contribution to the attention LSTM's gates."""
        return self.word_gates(self.dropout(self.embedding(words)))


LSTMSaved = tuple[Tensor, Tensor, Tensor, Tensor]  # gates, candidate, old cell, tanh of new cell


def _lstm(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, LSTMSaved]:
    """Return hidden state, cell and tensors for `_lstm_backward`; gates: input, forget, output, g.

    g is the candidate, the only one with a tanh.
    """
    H = cell.shape[1]
    opened, candidate = gates[:, : 3 * H].sigmoid(), gates[:, 3 * H :].tanh()
    input_gate, forget_gate, output_gate = opened.chunk(3, dim=1)
    new_cell = torch.addcmul(input_gate * candidate, forget_gate, cell)
    bounded = new_cell.tanh()
    return output_gate * bounded, new_cell, (opened, candidate, cell, bounded)


def _lstm_backward(d_hidden: Tensor, d_cell: Tensor, saved: LSTMSaved) -> tuple[Tensor, Tensor]:
    """Return the gradients of the gates and of the old cell."""
    opened, candidate, cell, bounded = saved
    input_gate, forget_gate, output_gate = opened.chunk(3, dim=1)
    d_cell = torch.addcmul(d_cell, d_hidden * output_gate, 1 - bounded * bounded)
    d_opened = torch.cat([d_cell * candidate, d_cell * cell, d_hidden * bounded], dim=1)
    d_opened.mul_(torch.addcmul(opened, opened, opened, value=-1))
    d_candidate = (d_cell * input_gate).mul_(1 - candidate * candidate)
    return torch.cat([d_opened, d_candidate], dim=1), d_cell * forget_gate


class _TopDownSteps(torch.autograd.Function):
    """All steps of a teacher-forced batch, with a hand-written backward pass.

    Saves what `TeacherForcedAttention` saves; weight gradients are computed once for all steps.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        word_gates: Tensor,  # (N, 4H)
        mean_gates: Tensor,  # (B, 4H)
        keys: Tensor,  # (B, R, A)
        values: Tensor,  # (B, R, E)
        first: Tensor,  # (4H, 2H)
        first_bias: Tensor,
        query: Tensor,  # (A, H)
        query_bias: Tensor,
        second: Tensor,  # (4H, E + 2H)
        second_bias: Tensor,
        energy_weight: Tensor,  # (1, A)
        sizes: list[int],
    ) -> Tensor:
        """Return the language LSTM's hidden states (N, H)."""
        attention, H = TeacherForcedAttention(keys, values, energy_weight[0]), query.shape[1]
        both = keys.new_zeros(len(keys), 2 * H)  # hidden states: language LSTM, attention LSTM
        attention_cell = language_cell = both[:, :H]
        mean_gates = mean_gates + first_bias
        saved, states = [], []
        for gates in torch.split(word_gates, sizes):
            b = len(gates)
            both = both[:b]
            gates = torch.addmm(gates + mean_gates[:b], both, first.t())
            attention_h, attention_cell, attention_saved = _lstm(gates, attention_cell[:b])
            context = attention.attend(torch.addmm(query_bias, attention_h, query.t()))
            inputs = torch.cat([context, attention_h, both[:, :H]], dim=1)
            gates = torch.addmm(second_bias, inputs, second.t())
            language_h, language_cell, language_saved = _lstm(gates, language_cell[:b])
            saved.append((both, inputs, attention_saved, language_saved))
            states.append(language_h)
            both = torch.cat([language_h, attention_h], dim=1)
        ctx.save_for_backward(first, query, second)
        ctx.attention, ctx.saved = attention, saved  # type: ignore[attr-defined]
        return torch.cat(states)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Run backpropagation through time."""
        first, query, second = ctx.saved_tensors
        attention, saved = ctx.attention, ctx.saved
        ctx.attention = ctx.saved = None  # free the large arrays now, not with the loss
        A, H = query.shape
        B, _, E = attention.values.shape
        d_both, d_mean = grad.new_zeros(B, 2 * H), grad.new_zeros(B, 4 * H)
        d_cells = grad.new_zeros(2, B, H)
        d_gates = grad.new_empty(len(grad), 4 * H + A + 4 * H)  # of first, query and second
        sizes = [len(both) for both, *_ in saved]
        steps = zip(saved, torch.split(grad, sizes), torch.split(d_gates, sizes), strict=True)
        for (both, _, attention_saved, language_saved), d_state, d_gate in reversed(list(steps)):
            b = len(both)
            d_first, d_query, d_second = torch.split(d_gate, [4 * H, A, 4 * H], dim=1)
            d_language_h = d_both[:b, :H] + d_state
            gates, d_cells[0, :b] = _lstm_backward(d_language_h, d_cells[0, :b], language_saved)
            d_second.copy_(gates)
            d_context, d_attention_h, d_language_h = (gates @ second).split([E, H, H], dim=1)
            step_d_query = attention.backward(d_context)
            d_query.copy_(step_d_query)
            d_attention_h = torch.addmm(d_attention_h + d_both[:b, H:], step_d_query, query)
            gates, d_cells[1, :b] = _lstm_backward(d_attention_h, d_cells[1, :b], attention_saved)
            d_first.copy_(gates)
            d_mean[:b] += gates
            torch.mm(gates, first, out=d_both[:b])
            d_both[:b, :H] += d_language_h
        inputs = torch.cat([step_inputs for _, step_inputs, *_ in saved])
        both = torch.cat([step_both for step_both, *_ in saved])
        d_first, d_query, d_second = torch.split(d_gates, [4 * H, A, 4 * H], dim=1)
        d_keys, d_values, d_energy = attention.gradients()
        return (
            d_first,
            d_mean,
            d_keys,
            d_values,
            d_first.t() @ both,
            d_first.sum(dim=0),
            d_query.t() @ inputs[:, E : E + H],
            d_query.sum(dim=0),
            d_second.t() @ inputs,
            d_second.sum(dim=0),
            d_energy.view(1, -1),
            None,
        )
