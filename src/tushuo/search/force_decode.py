"""Decode given captions, to learn what the decoder predicts at each of their words."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.decoders.base import Decoder, Step
from tushuo.text.vocabulary import PAD, START


def force_decode(
    decoder: Decoder,
    regions: Float[Tensor, "P R D"],
    captions: Sequence[Sequence[int]],
    pictures: Int[Tensor, " B"],
) -> Iterator[tuple[Int[Tensor, " K"], Step]]:
    """Decode given captions step by step, all at once.

    Args:
        decoder: any decoder.
        regions: regions of each picture.
        captions: token ids without ``<start>`` and ``<end>``.
        pictures: row of ``regions`` of each caption.

    Yields:
        The captions that have not ended before this step, and the step: first the prediction after
        ``<start>``, last the one after a caption's last word.
    """
    longest = max(map(len, captions)) + 1
    inputs = torch.tensor([[START, *ids, *[PAD] * (longest - 1 - len(ids))] for ids in captions])
    inputs, pictures = inputs.to(decoder.device), pictures.to(decoder.device)
    lengths = torch.tensor([len(ids) + 1 for ids in captions], device=decoder.device)
    active = torch.arange(len(captions), device=decoder.device)
    state = decoder.start(regions.to(decoder.device)).select(pictures)
    for t in range(longest):
        remaining = (lengths[active] > t).nonzero()[:, 0]
        if len(remaining) < len(active):
            active, state = active[remaining], state.select(remaining)
        step = decoder.step(inputs[active, t], state)
        yield active, step
        state = step.state
