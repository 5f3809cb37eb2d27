"""What a training may ask of where words look."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from tushuo.decoders import DECODERS
from tushuo.decoders.base import AttentionDecoder, Decoder
from tushuo.errors import SettingError


class Attended(nn.Module):
    """A decoder whose forward is its `attend`.

    Several processes share the gradients of what passes through a forward, and of nothing else.

    Raises:
        SettingError: the decoder does not tell where it looked.
    """

    def __init__(self, decoder: Decoder):
        super().__init__()
        if not isinstance(decoder, AttentionDecoder):
            known = [
                name for name, (kind, _) in DECODERS.items() if issubclass(kind, AttentionDecoder)
            ]
            raise SettingError(
                f"doubly_stochastic wants a decoder that tells a training where it looked, which "
                f"{type(decoder).__name__} does not; leave it out, or train {', '.join(known)}"
            )
        self.decoder = decoder

    def forward(
        self,
        regions: Float[Tensor, "P R D"],
        words: PackedSequence,
        pictures: Int[Tensor, " B"],
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "N R"]]:
        """Return logits and maps."""
        return self.decoder.forward_with_attention(regions, words, pictures)


def doubly_stochastic_penalty(
    maps: Float[Tensor, "N R"], sizes: Int[Tensor, " T"]
) -> Float[Tensor, ""]:
    """Return how far captions are from looking at every region once: doubly stochastic attention.

    Xu et al., "Show, Attend and Tell", ICML 2015, section 4.2.1, the sum in equation 14: over the
    regions, of (1 - the region's share, summed over the caption's words) squared. Summed up over
    captions, and over regions as in the paper, not averaged: a map adds up to 1, so but for a
    constant this is the sum of the squared shares, which more regions do not make larger.

    Args:
        maps: where each word looked, packed as `torch.nn.utils.rnn` does.
        sizes: captions that have a first word, a second, ...
    """
    shares, _ = pad_packed_sequence(PackedSequence(maps, sizes))
    return torch.square(1 - shares.sum(dim=0)).sum()
