"""Transformer decoder: self-attention over the words so far, cross-attention over regions.

Vaswani et al., "Attention Is All You Need", NeurIPS 2017, sections 3.1 to 3.5, with the norm before
each sublayer rather than after it (Xiong et al., "On Layer Normalization in the Transformer
Architecture", ICML 2020, figure 1b).

Differs from the papers: there is no Transformer encoder, only a projection of the picture encoder's
regions; small by default, since captioned pictures are few; the output layer does not share the
embedding matrix (section 3.4), which before training would make the last word by far the most
probable next word; therefore embeddings start at about the scale of the positional encoding and are
not multiplied by a factor.
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
from tushuo.decoders.concept_embedding import ConceptEmbedding
from tushuo.decoders.output_layer import output_log_probs
from tushuo.errors import SettingError

LONGEST_PERIOD = 10_000.0  # of the positional encoding, in words; Vaswani et al., section 3.5
COMPACT_FACTOR = 3  # keys and values in use are copied when they are at most one part in so many


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Sizes of the decoder."""

    units: Annotated[int, "width of word embeddings, projected regions and hidden states"] = 256
    layers: Annotated[int, "number of decoder layers"] = 3
    heads: Annotated[int, "attention heads per layer; units must be a multiple of 2 heads"] = 4
    inner: Annotated[int, "width of the feed-forward layers, as a multiple of units"] = 4
    dropout: Annotated[float, "dropout probability, after every sublayer"] = 0.2
    concepts: Annotated[int | None, "read so many concepts instead of regions; set by train"] = None

    def __post_init__(self) -> None:
        """Check that heads and sine-cosine pairs fit the width."""
        if self.units % (2 * self.heads):
            raise SettingError(
                f"units must be a multiple of {2 * self.heads} with {self.heads} heads, "
                f"got {self.units}"
            )


@dataclass(frozen=True)
class RegionCache:
    """A layer's keys and values of the regions, per picture: hypotheses share them."""

    keys: Float[Tensor, "P A R W"]
    values: Float[Tensor, "P A R W"]


@dataclass(frozen=True)
class TransformerState:
    """Keys and values of the words so far and of the regions, per layer."""

    words: tuple[Float[Tensor, "B two T H"], ...]
    pictures: Int[Tensor, " B"]
    regions: tuple[RegionCache, ...]

    def select(self, rows: Int[Tensor, " K"]) -> "TransformerState":
        """Keep, repeat or reorder hypotheses."""
        words = tuple(layer.index_select(0, rows) for layer in self.words)
        return TransformerState(words, self.pictures[rows], self.regions)


@final
class Transformer(Decoder):
    """Pre-norm Transformer decoder over regions."""

    def __init__(self, *, width: int, vocabulary: int, config: TransformerConfig):
        super().__init__()
        H = config.units
        if config.concepts is None:
            self.project: nn.Module = nn.Sequential(nn.Linear(width, H), nn.LayerNorm(H))
        else:
            self.project = ConceptEmbedding(concepts=config.concepts, units=H)
        self.embedding = nn.Embedding(vocabulary, H)
        layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.layers = cast(Sequence[_Layer], layers)  # ModuleList has no element type
        self.norm = nn.LayerNorm(H)
        self.output_layer = nn.Linear(H, vocabulary)
        self.dropout = nn.Dropout(config.dropout)

    def start(self, regions: Float[Tensor, "P R D"]) -> TransformerState:
        """Compute every layer's keys and values of the regions; the word cache is empty."""
        projected = self.dropout(self.project(regions))
        P, _, H = projected.shape
        empty = projected.new_zeros(P, 2, 0, H)
        return TransformerState(
            words=tuple(empty for _ in self.layers),
            pictures=torch.arange(P, device=regions.device),
            regions=tuple(layer.cache_regions(projected) for layer in self.layers),
        )

    def step(self, words: Int[Tensor, " B"], state: TransformerState) -> Step:  # type: ignore[override]
        """Feed each hypothesis' last word; the attention is the mean over all heads and layers."""
        time = state.words[0].shape[2]
        hidden = self._embed(words, torch.full_like(words, time))
        grid = _Grid.by_picture(state.pictures, len(state.regions[0].keys))
        word_cache, maps = [], []
        for layer, past, regions in zip(self.layers, state.words, state.regions, strict=True):
            query, key_value = layer.project_words(hidden)
            word_cache.append(torch.cat([past, key_value.unsqueeze(2)], dim=2))
            context = _attend_words(query, word_cache[-1], layer.heads)
            hidden = layer.add_self_attention(hidden, context)
            context, attention = _attend_regions(layer.region_query(hidden), grid, regions)
            hidden = layer.add_feed_forward(layer.add_cross_attention(hidden, context))
            maps.append(attention)
        output = self.output_layer
        log_probs = output_log_probs(self.norm(hidden), output.weight, output.bias)
        return Step(log_probs, torch.stack(maps).mean(0), replace(state, words=tuple(word_cache)))

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> Float[Tensor, "N V"]:
        """Run teacher-forced captions, all words at once.

        Captions are padded inside the attentions only; all other layers run on packed words.
        """
        sizes = words.batch_sizes.to(words.data.device)
        time = torch.arange(len(sizes), device=sizes.device).repeat_interleave(sizes)
        row = torch.arange(len(time), device=sizes.device) - (sizes.cumsum(0) - sizes)[time]
        captions = _Grid(row * len(sizes) + time, (len(pictures), len(sizes)))
        by_picture = _Grid.by_picture(pictures[row], len(regions))
        hidden = self._embed(words.data, time)
        for layer, cache in zip(self.layers, self.start(regions).regions, strict=True):
            query, key_value = layer.project_words(hidden)
            query, keys, values = (
                _split_heads(captions.pad(packed), layer.heads)
                for packed in (query, key_value[:, 0], key_value[:, 1])
            )
            context = scaled_dot_product_attention(query, keys, values, is_causal=True)
            hidden = layer.add_self_attention(hidden, captions.unpad(_merge_heads(context)))
            query = _split_heads(by_picture.pad(layer.region_query(hidden)), layer.heads)
            keys, values = by_picture.select(cache.keys), by_picture.select(cache.values)
            context = scaled_dot_product_attention(query, keys, values)
            hidden = layer.add_cross_attention(hidden, by_picture.unpad(_merge_heads(context)))
            hidden = layer.add_feed_forward(hidden)
        return self.output_layer(self.norm(hidden))

    def _embed(self, words: Int[Tensor, " N"], time: Int[Tensor, " N"]) -> Float[Tensor, "N H"]:
        embeddings = self.embedding(words)
        return self.dropout(embeddings + _positional_encoding(time, embeddings))


class _Layer(nn.Module):
    """Self-attention, cross-attention and feed-forward sublayers, each with a residual."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        H, self.heads = config.units, config.heads
        self.self_attention_norm, self.cross_attention_norm, self.feed_forward_norm = (
            nn.LayerNorm(H) for _ in range(3)
        )
        self.self_attention_in, self.self_attention_out = nn.Linear(H, 3 * H), nn.Linear(H, H)
        self.cross_attention_query, self.cross_attention_out = nn.Linear(H, H), nn.Linear(H, H)
        self.cross_attention_keys, self.cross_attention_values = nn.Linear(H, H), nn.Linear(H, H)
        self.feed_forward_in = nn.Linear(H, config.inner * H)
        self.feed_forward_out = nn.Linear(config.inner * H, H)
        self.dropout = nn.Dropout(config.dropout)

    def cache_regions(self, regions: Float[Tensor, "P R H"]) -> RegionCache:
        """Compute the keys and values of cross-attention."""
        keys, values = self.cross_attention_keys(regions), self.cross_attention_values(regions)
        return RegionCache(_split_heads(keys, self.heads), _split_heads(values, self.heads))

    def project_words(
        self, hidden: Float[Tensor, "N H"]
    ) -> tuple[Float[Tensor, "N H"], Float[Tensor, "N two H"]]:
        """Return the self-attention query of each word, and its key and value."""
        N, H = hidden.shape
        projected = self.self_attention_in(self.self_attention_norm(hidden)).view(N, 3, H)
        return projected[:, 0], projected[:, 1:]

    def region_query(self, hidden: Float[Tensor, "N H"]) -> Float[Tensor, "N H"]:
        """Return the cross-attention query of each word."""
        return self.cross_attention_query(self.cross_attention_norm(hidden))

    def add_self_attention(
        self, hidden: Float[Tensor, "N H"], context: Float[Tensor, "N H"]
    ) -> Float[Tensor, "N H"]:
        """Add the output of self-attention to the residual."""
        return hidden + self.dropout(self.self_attention_out(context))

    def add_cross_attention(
        self, hidden: Float[Tensor, "N H"], context: Float[Tensor, "N H"]
    ) -> Float[Tensor, "N H"]:
        """Add the output of cross-attention to the residual."""
        return hidden + self.dropout(self.cross_attention_out(context))

    def add_feed_forward(self, hidden: Float[Tensor, "N H"]) -> Float[Tensor, "N H"]:
        """Add the output of the feed-forward sublayer to the residual."""
        inner = self.feed_forward_in(self.feed_forward_norm(hidden)).relu()
        return hidden + self.dropout(self.feed_forward_out(self.dropout(inner)))


@dataclass(frozen=True)
class _Grid:
    """Layout of packed rows in a padded grid with one line per picture (or caption).

    Rows of one picture are adjacent there and share its keys and values without copies.

    Attributes:
        slot: index of each row in the flattened grid.
        size: number of lines, and rows of the longest.
        pictures: picture of each line; None: all pictures of the batch, in order.
    """

    slot: Int[Tensor, " N"]
    size: tuple[int, int]
    pictures: Int[Tensor, " U"] | None = None

    @classmethod
    def by_picture(cls, pictures: Int[Tensor, " N"], count: int) -> "_Grid":
        """Group rows, in any order, by their picture; ``count`` pictures are in the batch."""
        rows = torch.bincount(pictures, minlength=count)
        used = rows.nonzero()[:, 0]
        if compact := len(used) * COMPACT_FACTOR <= count:
            pictures = (rows > 0).cumsum(0)[pictures] - 1
            rows = rows[used]
        order = pictures.argsort(stable=True)
        rank = torch.arange(len(order), device=order.device)
        rank = rank - (rows.cumsum(0) - rows)[pictures[order]]
        longest = int(rows.max())
        slot = pictures * longest + rank[order.argsort()]
        return cls(slot, (len(rows), longest), used if compact else None)

    def pad(self, rows: Float[Tensor, "N H"]) -> Float[Tensor, "U K H"]:
        """Arrange packed rows in the grid, padded with zeros."""
        H = rows.shape[1]
        U, K = self.size
        return rows.new_zeros(U * K, H).index_copy(0, self.slot, rows).view(U, K, H)

    def unpad(self, grid: Float[Tensor, "U K H"]) -> Float[Tensor, "N H"]:
        """Return the packed rows of a grid."""
        return grid.flatten(0, 1).index_select(0, self.slot)

    def select(self, per_picture: Float[Tensor, "P A R W"]) -> Float[Tensor, "U A R W"]:
        """Return the entries of the grid's pictures; uncopied, unless few are in use."""
        return per_picture if self.pictures is None else per_picture.index_select(0, self.pictures)


def _attend_regions(
    query: Float[Tensor, "B H"], grid: _Grid, regions: RegionCache
) -> tuple[Float[Tensor, "B H"], Float[Tensor, "B R"]]:
    """Run cross-attention; return the context vectors and the heads' mean attention weights."""
    keys, values = grid.select(regions.keys), grid.select(regions.values)
    A, W = keys.shape[1], keys.shape[3]
    energy = _split_heads(grid.pad(query), A) @ keys.transpose(2, 3) / math.sqrt(W)
    attention = energy.softmax(dim=-1)  # (U, A, K, R)
    return grid.unpad(_merge_heads(attention @ values)), grid.unpad(attention.mean(1))


def _attend_words(
    query: Float[Tensor, "B H"], key_values: Float[Tensor, "B two T H"], heads: int
) -> Float[Tensor, "B H"]:
    """Run self-attention of one step over the words so far; return the context vectors."""
    keys, values = (_split_heads(tensor, heads) for tensor in key_values.unbind(1))
    query = _split_heads(query.unsqueeze(1), heads)
    return _merge_heads(scaled_dot_product_attention(query, keys, values)).squeeze(1)


def _split_heads(rows: Float[Tensor, "U K H"], heads: int) -> Float[Tensor, "U A K W"]:
    U, K, _ = rows.shape
    return rows.view(U, K, heads, -1).transpose(1, 2)


def _merge_heads(rows: Float[Tensor, "U A K W"]) -> Float[Tensor, "U K H"]:
    return rows.transpose(1, 2).flatten(2)


def _positional_encoding(
    time: Int[Tensor, " N"], embeddings: Float[Tensor, "N H"]
) -> Float[Tensor, "N H"]:
    """Return sines and cosines (Vaswani et al., section 3.5) in the embeddings' precision."""
    units, dtype = embeddings.shape[1], torch.promote_types(embeddings.dtype, torch.float32)
    half = torch.arange(0, units, 2, dtype=dtype, device=time.device)
    angles = time.unsqueeze(1) * LONGEST_PERIOD ** (-half / units)
    return torch.cat([angles.sin(), angles.cos()], dim=1)
