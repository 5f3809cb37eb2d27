"""The Transformer's attention maps."""

from typing import cast

import torch
from torch import Tensor

from tests.decoders.test_decoders import make, random_regions
from tushuo.decoders.transformer import Transformer, TransformerState


def test_attention_is_the_mean_over_heads_and_layers() -> None:
    decoder = cast(Transformer, make("transformer").double())
    queries: list[Tensor] = []
    for layer in decoder.layers:
        layer.cross_attention_query.register_forward_hook(
            lambda module, inputs, query: queries.append(query)
        )
    rows = torch.tensor([1, 0, 1])
    state = cast(TransformerState, decoder.start(random_regions(2)).select(rows))
    attention = decoder.step(torch.tensor([4, 5, 6]), state).attention
    maps = []
    for query, regions in zip(queries, state.regions, strict=True):
        heads, width = regions.keys.shape[1], regions.keys.shape[3]
        energy = (query.view(len(rows), heads, 1, width) * regions.keys[rows]).sum(dim=-1)
        maps.append((energy / width**0.5).softmax(dim=-1).mean(dim=1))
    assert len(maps) > 1
    assert not maps[0].allclose(maps[1])
    torch.testing.assert_close(attention, torch.stack(maps).mean(dim=0))
