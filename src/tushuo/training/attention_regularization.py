"""Attention regularisation: the doubly stochastic penalty."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from tushuo.decoders import DECODERS
from tushuo.decoders.base import AttentionDecoder, Decoder
from tushuo.errors import SettingError


class WithAttentionMaps(nn.Module):
    """A decoder whose forward pass also returns its attention maps.

    A module of its own, since several processes average only the gradients of a forward pass.

    Raises:
        SettingError: the decoder does not return attention maps in training.
    """

    def __init__(self, decoder: Decoder):
        super().__init__()
        if not isinstance(decoder, AttentionDecoder):
            kinds = {name: kind for name, (kind, _) in DECODERS.items()}
            names = [name for name, kind in kinds.items() if issubclass(kind, AttentionDecoder)]
            raise SettingError(
                "doubly_stochastic requires a decoder that returns attention maps in training, but "
                f"{type(decoder).__name__} does not; leave it out, or train {', '.join(names)}"
            )
        self.decoder = decoder

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "N R"]]:
        """Return logits and attention maps."""
        return self.decoder.forward_with_attention(regions, words, pictures)


def doubly_stochastic_penalty(
    maps: Float[Tensor, "N R"], sizes: Int[Tensor, " T"]
) -> Float[Tensor, ""]:
    """Return how far captions are from attending to every region with a total weight of one.

    Xu et al., "Show, Attend and Tell", ICML 2015, section 4.2.1, the sum in equation 14: over the
    regions, of (1 - the region's attention, summed over the caption's words) squared. Summed over
    captions, and over regions as in the paper, not averaged: an attention map sums to 1, so up to a
    constant this is the sum of the squared weights, which does not grow with the number of regions.

    Args:
        maps: attention maps of the words, packed as `torch.nn.utils.rnn` does.
        sizes: number of captions that have a first word, a second word, ...
    """
    weights, _ = pad_packed_sequence(PackedSequence(maps, sizes))
    return torch.square(1 - weights.sum(dim=0)).sum()
