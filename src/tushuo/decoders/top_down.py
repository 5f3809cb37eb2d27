"""Top-down attention: one LSTM decides where to look, a second what to say.

Anderson et al., "Bottom-Up and Top-Down Attention for Image Captioning and Visual Question
Answering", CVPR 2018, section 3.2. LSTM: Hochreiter and Schmidhuber, Neural Computation 1997, with
forget gates.

Differs from the paper: the regions are those of whatever encoder, projected before they are
attended to; half its widths and a quarter of its word vectors', since pictures with captions are
few; dropout of word vectors and of what the word layer reads; a word layer that begins louder
(`LOUDER`).
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tushuo.decoders.attention import Looks, exp_twice, look
from tushuo.decoders.base import Decoder, Step
from tushuo.decoders.output_layer import next_words
from tushuo.decoders.precision import at_least_float32

# A word passes two gates that begin half open before the word layer reads it, so states begin near
# zero. Weights of the usual size hardly tell them apart, and little comes back to learn from.
LOUDER = 3


@dataclass(frozen=True, kw_only=True)
class TopDownConfig:
    """Sizes of the decoder."""

    embedding: Annotated[int, "width of a word's vector and of a projected region"] = 256
    units: Annotated[int, "width of each LSTM's state"] = 512
    attention: Annotated[int, "width in which state and regions are compared"] = 256
    dropout: Annotated[float, "share of word vectors' and states' numbers dropped in training"] = (
        0.4
    )


@dataclass(frozen=True)
class TopDownState:
    """What both LSTMs remember per hypothesis, and the pictures' own numbers, shared.

    Attributes:
        memory: state of the second LSTM, of the first, cell of the second, of the first.
        pictures: the picture of each hypothesis.
        values: projected regions.
        keys: what the attention compares, as `exp_twice` gives it.
        mean: what the mean region says to the first LSTM's gates.
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
    """Two-layer LSTM with attention between the layers."""

    def __init__(self, *, width: int, vocabulary: int, config: TopDownConfig):
        super().__init__()
        E, H, A = config.embedding, config.units, config.attention
        self.project = nn.Linear(width, E)
        self.key = nn.Linear(E, A)
        self.query = nn.Linear(H, A)
        self.energy = nn.Linear(A, 1, bias=False)  # softmax does not see a bias
        self.embedding = nn.Embedding(vocabulary, E)
        self.word_gates = nn.Linear(E, 4 * H, bias=False)
        self.mean_gates = nn.Linear(E, 4 * H, bias=False)
        self.first_gates = nn.Linear(2 * H, 4 * H)  # of the second's state and its own
        self.second_gates = nn.Linear(E + 2 * H, 4 * H)  # of the context, the first's, its own
        self.output_layer = nn.Linear(H, vocabulary)
        with torch.no_grad():
            self.output_layer.weight.mul_(LOUDER)
        self.dropout = nn.Dropout(config.dropout)

    def start(self, regions: Float[Tensor, "P R D"]) -> TopDownState:
        """Project the regions and make their attention keys; both LSTMs begin with zeros."""
        values = self.project(regions).relu()
        return TopDownState(
            memory=values.new_zeros(len(values), 4, self.query.in_features),
            pictures=torch.arange(len(regions), device=regions.device),
            values=values,
            keys=exp_twice(self.key(values)),
            mean=self.mean_gates(values.mean(dim=1)),
        )

    def step(self, words: Int[Tensor, " B"], state: TopDownState) -> Step:  # type: ignore[override]
        """Take the last words in, give the next words' probabilities out."""
        spoken, heard, spoken_cell, heard_cell = state.memory.unbind(1)
        gates = self._heard_words(words) + state.mean.index_select(0, state.pictures)
        gates = gates + self.first_gates(state.memory[:, :2].flatten(1))
        heard, heard_cell, _ = _lstm(gates, heard_cell)
        context, attention = look(
            self.query(heard), state.keys, state.values, state.pictures, self.energy.weight[0]
        )
        gates = self.second_gates(torch.cat([context, heard, spoken], dim=1))
        spoken, spoken_cell, _ = _lstm(gates, spoken_cell)
        log_probs = next_words(
            self.dropout(spoken), self.output_layer.weight, self.output_layer.bias
        )
        memory = torch.stack([spoken, heard, spoken_cell, heard_cell], dim=1)
        return Step(log_probs, attention, replace(state, memory=memory))

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions; what does not hang on the states runs once for all steps."""
        state = self.start(regions)
        mean, keys, values = (
            of.index_select(0, pictures) for of in (state.mean, state.keys, state.values)
        )
        layers = (self.first_gates, self.query, self.second_gates)
        given = [self._heard_words(words.data), mean, keys, values]
        given += [of for layer in layers for of in (layer.weight, layer.bias)]
        with torch.autocast(regions.device.type, enabled=False):
            given = [at_least_float32(tensor) for tensor in (*given, self.energy.weight)]
            spoken: Tensor = _Run.apply(*given, words.batch_sizes.tolist())  # type: ignore[no-untyped-call]
        return self.output_layer(self.dropout(spoken))

    def _heard_words(self, words: Int[Tensor, " N"]) -> Float[Tensor, "N G"]:
        """Return what words say to the first LSTM's gates."""
        return self.word_gates(self.dropout(self.embedding(words)))


Opened = tuple[Tensor, Tensor, Tensor, Tensor]  # gates, new, cell before, tanh of the cell after


def _lstm(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Opened]:
    """Return state, cell, and what the way back wants; gates: input, forgetting, output, new."""
    H = cell.shape[1]
    opened, new = gates[:, : 3 * H].sigmoid(), gates[:, 3 * H :].tanh()
    take, keep, give = opened.chunk(3, dim=1)
    after = torch.addcmul(take * new, keep, cell)
    bounded = after.tanh()
    return give * bounded, after, (opened, new, cell, bounded)


def _lstm_back(d_state: Tensor, d_cell: Tensor, kept: Opened) -> tuple[Tensor, Tensor]:
    """Return the gradients of the gates and of the cell before."""
    opened, new, cell, bounded = kept
    take, keep, give = opened.chunk(3, dim=1)
    d_cell = torch.addcmul(d_cell, d_state * give, 1 - bounded * bounded)
    d_opened = torch.cat([d_cell * new, d_cell * cell, d_state * bounded], dim=1)
    d_opened.mul_(torch.addcmul(opened, opened, opened, value=-1))
    d_new = (d_cell * take).mul_(1 - new * new)
    return torch.cat([d_opened, d_new], dim=1), d_cell * keep


class _Run(torch.autograd.Function):
    """All steps of a teacher-forced batch, with the way back written by hand.

    It saves what `Looks` saves, and makes the weights' gradients once for all words.
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
        energy: Tensor,  # (1, A)
        sizes: list[int],
    ) -> Tensor:
        """Return the second LSTM's states (N, H)."""
        looks, H = Looks(keys, values, energy[0]), query.shape[1]
        both = keys.new_zeros(len(keys), 2 * H)
        heard_cell = spoken_cell = both[:, :H]
        mean_gates = mean_gates + first_bias
        kept, states = [], []
        for gates in torch.split(word_gates, sizes):
            b = len(gates)
            both = both[:b]
            gates = torch.addmm(gates + mean_gates[:b], both, first.t())
            heard, heard_cell, heard_kept = _lstm(gates, heard_cell[:b])
            context = looks.look(torch.addmm(query_bias, heard, query.t()))
            read = torch.cat([context, heard, both[:, :H]], dim=1)
            gates = torch.addmm(second_bias, read, second.t())
            spoken, spoken_cell, spoken_kept = _lstm(gates, spoken_cell[:b])
            kept.append((both, read, heard_kept, spoken_kept))
            states.append(spoken)
            both = torch.cat([spoken, heard], dim=1)
        ctx.save_for_backward(first, query, second)
        ctx.looks, ctx.kept = looks, kept  # type: ignore[attr-defined]
        return torch.cat(states)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Walk the words backwards."""
        first, query, second = ctx.saved_tensors
        looks, kept = ctx.looks, ctx.kept
        ctx.looks = ctx.kept = None  # the large arrays go now, not with the loss
        A, H = query.shape
        B, _, E = looks.values.shape
        d_both, d_mean = grad.new_zeros(B, 2 * H), grad.new_zeros(B, 4 * H)
        d_cells = grad.new_zeros(2, B, H)
        d_gates = grad.new_empty(len(grad), 4 * H + A + 4 * H)  # of first, query and second
        sizes = [len(both) for both, *_ in kept]
        steps = zip(kept, torch.split(grad, sizes), torch.split(d_gates, sizes), strict=True)
        for (both, _, heard_kept, spoken_kept), d_state, d_gate in reversed(list(steps)):
            b = len(both)
            d_first, d_query, d_second = torch.split(d_gate, [4 * H, A, 4 * H], dim=1)
            d_spoken = d_both[:b, :H] + d_state
            gates, d_cells[0, :b] = _lstm_back(d_spoken, d_cells[0, :b], spoken_kept)
            d_second.copy_(gates)
            d_context, d_heard, d_spoken = (gates @ second).split([E, H, H], dim=1)
            asked = looks.back(d_context)
            d_query.copy_(asked)
            d_heard = torch.addmm(d_heard + d_both[:b, H:], asked, query)
            gates, d_cells[1, :b] = _lstm_back(d_heard, d_cells[1, :b], heard_kept)
            d_first.copy_(gates)
            d_mean[:b] += gates
            torch.mm(gates, first, out=d_both[:b])
            d_both[:b, :H] += d_spoken
        reads = torch.cat([read for _, read, *_ in kept])
        both = torch.cat([both for both, *_ in kept])
        d_first, d_query, d_second = torch.split(d_gates, [4 * H, A, 4 * H], dim=1)
        d_keys, d_values, d_energy = looks.gradients()
        return (
            d_first,
            d_mean,
            d_keys,
            d_values,
            d_first.t() @ both,
            d_first.sum(dim=0),
            d_query.t() @ reads[:, E : E + H],
            d_query.sum(dim=0),
            d_second.t() @ reads,
            d_second.sum(dim=0),
            d_energy.view(1, -1),
            None,
        )
