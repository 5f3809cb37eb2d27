"""A Transformer that speaks: each word looks at the words before it and at the regions.

Vaswani et al., "Attention Is All You Need", NeurIPS 2017, sections 3.1 to 3.5, with the norm before
each part and not after it (Xiong et al., "On Layer Normalization in the Transformer Architecture",
ICML 2020, figure 1b).

Differs from the papers: the encoder is the picture's own, so there is none here but a projection of
the regions; small by default, since pictures with captions are few; the word layer does not share
the words' vectors (section 3.4), which before any training would make the last word by far the
likeliest next; so these begin about as large as the positions' waves, with no factor on them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, cast, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import PackedSequence

from tushuo.decoders.base import Decoder, Step
from tushuo.decoders.output_layer import next_words
from tushuo.errors import SettingError

LONGEST_PERIOD = 10_000.0  # of the positions' waves, in words; Vaswani et al., section 3.5
SPARSE = 3  # regions of the pictures still spoken of are copied once those are 1 of so many


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Sizes of the decoder."""

    units: Annotated[int, "width of a word's vector and of a region's"] = 256
    layers: Annotated[int, "how often a word looks around"] = 3
    heads: Annotated[int, "places that one look can hold at once; divides units"] = 4
    inner: Annotated[int, "width of the two word-wise layers' middle, in units"] = 4
    dropout: Annotated[float, "share of numbers dropped in training, after every part"] = 0.2

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.units % (2 * self.heads):
            raise SettingError(
                f"units was {self.units} with {self.heads} heads; "
                f"units must be a multiple of {2 * self.heads}"
            )


@dataclass(frozen=True)
class Shown:
    """A layer's keys and values of the regions, per picture: hypotheses share them."""

    keys: Float[Tensor, "P A R W"]
    values: Float[Tensor, "P A R W"]


@dataclass(frozen=True)
class TransformerState:
    """What the words so far left for the next: per layer, their keys and values."""

    said: tuple[Float[Tensor, "B two T H"], ...]
    pictures: Int[Tensor, " B"]
    shown: tuple[Shown, ...]

    def select(self, rows: Int[Tensor, " K"]) -> "TransformerState":
        """Keep, repeat or reorder hypotheses."""
        said = tuple(layer.index_select(0, rows) for layer in self.said)
        return TransformerState(said, self.pictures[rows], self.shown)


@final
class Transformer(Decoder):
    """Pre-norm Transformer decoder over regions."""

    def __init__(self, *, width: int, vocabulary: int, config: TransformerConfig):
        super().__init__()
        H = config.units
        self.project = nn.Sequential(nn.Linear(width, H), nn.LayerNorm(H))
        self.embedding = nn.Embedding(vocabulary, H)
        layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.layers = cast(Sequence[_Layer], layers)  # torch knows no list of one kind
        self.norm = nn.LayerNorm(H)
        self.output_layer = nn.Linear(H, vocabulary)
        self.dropout = nn.Dropout(config.dropout)

    def start(self, regions: Float[Tensor, "P R D"]) -> TransformerState:
        """Make every layer's keys and values of the regions; nothing has been said yet."""
        projected = self.dropout(self.project(regions))
        P, _, H = projected.shape
        nothing = projected.new_zeros(P, 2, 0, H)
        return TransformerState(
            said=tuple(nothing for _ in self.layers),
            pictures=torch.arange(P, device=regions.device),
            shown=tuple(layer.show(projected) for layer in self.layers),
        )

    def step(self, words: Int[Tensor, " B"], state: TransformerState) -> Step:  # type: ignore[override]
        """Take the last words in; the attention is the mean over the heads of all layers."""
        time = state.said[0].shape[2]
        hidden = self._enter(words, torch.full_like(words, time))
        grid = _Grid.of(state.pictures, len(state.shown[0].keys))
        said, maps = [], []
        for layer, before, shown in zip(self.layers, state.said, state.shown, strict=True):
            query, now = layer.ask_words(hidden)
            said.append(torch.cat([before, now.unsqueeze(2)], dim=2))
            hidden = layer.hear_words(hidden, _look_back(query, said[-1], layer.heads))
            found, attention = _look(layer.ask_regions(hidden), grid, shown)
            hidden = layer.think(layer.hear_regions(hidden, found))
            maps.append(attention)
        log_probs = next_words(self.norm(hidden), self.output_layer.weight, self.output_layer.bias)
        return Step(log_probs, torch.stack(maps).mean(0), replace(state, said=tuple(said)))

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions; all words at once, each layer one pass.

        Only where words look at words do captions lie in a padded grid; all else is packed.
        """
        sizes = words.batch_sizes.to(words.data.device)
        time = torch.arange(len(sizes), device=sizes.device).repeat_interleave(sizes)
        row = torch.arange(len(time), device=sizes.device) - (sizes.cumsum(0) - sizes)[time]
        before = _Grid(row * len(sizes) + time, (len(pictures), len(sizes)))
        beside = _Grid.of(pictures[row], len(regions))
        hidden = self._enter(words.data, time)
        for layer, shown in zip(self.layers, self.start(regions).shown, strict=True):
            query, now = layer.ask_words(hidden)
            asked, keys, values = (
                _heads(before.spread(of), layer.heads) for of in (query, now[:, 0], now[:, 1])
            )
            found = scaled_dot_product_attention(asked, keys, values, is_causal=True)
            hidden = layer.hear_words(hidden, before.gather(_no_heads(found)))
            asked = _heads(beside.spread(layer.ask_regions(hidden)), layer.heads)
            keys, values = beside.of_pictures(shown.keys), beside.of_pictures(shown.values)
            found = scaled_dot_product_attention(asked, keys, values)
            hidden = layer.think(layer.hear_regions(hidden, beside.gather(_no_heads(found))))
        return self.output_layer(self.norm(hidden))

    def _enter(self, words: Int[Tensor, " N"], time: Int[Tensor, " N"]) -> Float[Tensor, "N H"]:
        vectors = self.embedding(words)
        return self.dropout(vectors + _positions(time, vectors))


class _Layer(nn.Module):
    """One round: look at the words before, look at the regions, think."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        H, self.heads = config.units, config.heads
        self.words_norm, self.regions_norm, self.thought_norm = (nn.LayerNorm(H) for _ in range(3))
        self.self_attention_in, self.self_attention_out = nn.Linear(H, 3 * H), nn.Linear(H, H)
        self.cross_attention_query, self.cross_attention_out = nn.Linear(H, H), nn.Linear(H, H)
        self.cross_attention_keys, self.cross_attention_values = nn.Linear(H, H), nn.Linear(H, H)
        self.feed_forward_in = nn.Linear(H, config.inner * H)
        self.feed_forward_out = nn.Linear(config.inner * H, H)
        self.dropout = nn.Dropout(config.dropout)

    def show(self, regions: Float[Tensor, "P R H"]) -> Shown:
        """Make keys and values of the regions."""
        keys, values = self.cross_attention_keys(regions), self.cross_attention_values(regions)
        return Shown(_heads(keys, self.heads), _heads(values, self.heads))

    def ask_words(
        self, hidden: Float[Tensor, "N H"]
    ) -> tuple[Float[Tensor, "N H"], Float[Tensor, "N two H"]]:
        """Return each word's query, and its own key and value."""
        N, H = hidden.shape
        made = self.self_attention_in(self.words_norm(hidden)).view(N, 3, H)
        return made[:, 0], made[:, 1:]

    def ask_regions(self, hidden: Float[Tensor, "N H"]) -> Float[Tensor, "N H"]:
        """Return each word's query to the regions."""
        return self.cross_attention_query(self.regions_norm(hidden))

    def hear_words(
        self, hidden: Float[Tensor, "N H"], found: Float[Tensor, "N H"]
    ) -> Float[Tensor, "N H"]:
        """Add what the words before have told."""
        return hidden + self.dropout(self.self_attention_out(found))

    def hear_regions(
        self, hidden: Float[Tensor, "N H"], found: Float[Tensor, "N H"]
    ) -> Float[Tensor, "N H"]:
        """Add what the regions have told."""
        return hidden + self.dropout(self.cross_attention_out(found))

    def think(self, hidden: Float[Tensor, "N H"]) -> Float[Tensor, "N H"]:
        """Add the word-wise layers' answer."""
        wide = self.feed_forward_in(self.thought_norm(hidden)).relu()
        return hidden + self.dropout(self.feed_forward_out(self.dropout(wide)))


@dataclass(frozen=True)
class _Grid:
    """Rows put side by side, so that those of one picture share its regions without a copy.

    Attributes:
        place: of each row in the grid, counted row by row.
        size: pictures (or captions) and the most rows that one of them has.
        seen: the pictures of the grid; None for all of the batch.
    """

    place: Int[Tensor, " N"]
    size: tuple[int, int]
    seen: Int[Tensor, " U"] | None = None

    @classmethod
    def of(cls, pictures: Int[Tensor, " N"], count: int) -> "_Grid":
        """Put the rows of each picture side by side, in whatever order they come."""
        rows = torch.bincount(pictures, minlength=count)
        seen = rows.nonzero()[:, 0]
        if few := len(seen) * SPARSE <= count:
            pictures = (rows > 0).cumsum(0)[pictures] - 1
            rows = rows[seen]
        order = pictures.argsort(stable=True)
        rank = torch.arange(len(order), device=order.device)
        rank = rank - (rows.cumsum(0) - rows)[pictures[order]]
        most = int(rows.max())
        place = pictures * most + rank[order.argsort()]
        return cls(place, (len(rows), most), seen if few else None)

    def spread(self, rows: Float[Tensor, "N H"]) -> Float[Tensor, "U K H"]:
        """Put rows into the grid; zeros where it is empty."""
        H = rows.shape[1]
        U, K = self.size
        return rows.new_zeros(U * K, H).index_copy(0, self.place, rows).view(U, K, H)

    def gather(self, grid: Float[Tensor, "U K H"]) -> Float[Tensor, "N H"]:
        """Take the rows back out of the grid."""
        return grid.flatten(0, 1).index_select(0, self.place)

    def of_pictures(self, given: Float[Tensor, "P A R W"]) -> Float[Tensor, "U A R W"]:
        """Return what the grid's pictures have: all of it as it is, unless few are left."""
        return given if self.seen is None else given.index_select(0, self.seen)


def _look(
    query: Float[Tensor, "B H"], grid: _Grid, shown: Shown
) -> tuple[Float[Tensor, "B H"], Float[Tensor, "B R"]]:
    """Look at the regions; return what was found and the heads' mean attention."""
    keys, values = grid.of_pictures(shown.keys), grid.of_pictures(shown.values)
    A, W = keys.shape[1], keys.shape[3]
    energy = _heads(grid.spread(query), A) @ keys.transpose(2, 3) / math.sqrt(W)
    attention = energy.softmax(dim=-1)  # (U, A, K, R)
    return grid.gather(_no_heads(attention @ values)), grid.gather(attention.mean(1))


def _look_back(
    query: Float[Tensor, "B H"], said: Float[Tensor, "B two T H"], heads: int
) -> Float[Tensor, "B H"]:
    """Look at the words so far."""
    keys, values = (_heads(of, heads) for of in said.unbind(1))
    found = scaled_dot_product_attention(_heads(query.unsqueeze(1), heads), keys, values)
    return _no_heads(found).squeeze(1)


def _heads(rows: Float[Tensor, "U K H"], heads: int) -> Float[Tensor, "U A K W"]:
    """Split vectors into heads."""
    U, K, _ = rows.shape
    return rows.view(U, K, heads, -1).transpose(1, 2)


def _no_heads(rows: Float[Tensor, "U A K W"]) -> Float[Tensor, "U K H"]:
    """Join heads into vectors."""
    return rows.transpose(1, 2).flatten(2)


def _positions(time: Int[Tensor, " N"], vectors: Float[Tensor, "N H"]) -> Float[Tensor, "N H"]:
    """Waves that tell a word's place (Vaswani et al., section 3.5)."""
    units, dtype = vectors.shape[1], torch.promote_types(vectors.dtype, torch.float32)
    half = torch.arange(0, units, 2, dtype=dtype, device=time.device)
    angles = time.unsqueeze(1) * LONGEST_PERIOD ** (-half / units)
    return torch.cat([angles.sin(), angles.cos()], dim=1)
