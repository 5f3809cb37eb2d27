"""The Transformer's own: what its map is."""

from typing import cast

import torch
from torch import Tensor

from tests.decoders.test_decoders import make, random_regions
from tushuo.decoders.transformer import Transformer, TransformerState


def test_a_word_s_map_is_the_mean_over_heads_and_layers() -> None:
    decoder = cast(Transformer, make("transformer").double())
    queries: list[Tensor] = []
    for layer in decoder.layers:
        layer.cross_attention_query.register_forward_hook(
            lambda module, given, made: queries.append(made)
        )
    rows = torch.tensor([1, 0, 1])
    state = cast(TransformerState, decoder.start(random_regions(2)).select(rows))
    found = decoder.step(torch.tensor([4, 5, 6]), state).attention
    maps = []
    for query, shown in zip(queries, state.shown, strict=True):
        heads, width = shown.keys.shape[1], shown.keys.shape[3]
        asked = query.view(len(rows), heads, 1, width)
        energy = (asked * shown.keys[rows]).sum(dim=-1) / width**0.5
        maps.append(energy.softmax(dim=-1).mean(dim=1))
    assert len(maps) > 1
    assert not maps[0].allclose(maps[1])
    torch.testing.assert_close(found, torch.stack(maps).mean(dim=0))
