"""Captions that are given, walked through a decoder: what it would have said at each word."""

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
    """Give each step of given captions, all at once.

    Args:
        decoder: any.
        regions: of each picture.
        captions: ids without ``<start>`` and ``<end>``.
        pictures: the row of ``regions`` of each caption.

    Yields:
        The captions that are not over before this step, and the step: what comes after ``<start>``
        first, and after a caption's last word last.
    """
    longest = max(map(len, captions)) + 1
    fed = torch.tensor([[START, *words, *[PAD] * (longest - 1 - len(words))] for words in captions])
    fed, pictures = fed.to(decoder.device), pictures.to(decoder.device)
    lengths = torch.tensor([len(words) + 1 for words in captions], device=decoder.device)
    alive = torch.arange(len(captions), device=decoder.device)
    state = decoder.start(regions.to(decoder.device)).select(pictures)
    for t in range(longest):
        unfinished = (lengths[alive] > t).nonzero()[:, 0]
        if len(unfinished) < len(alive):
            alive, state = alive[unfinished], state.select(unfinished)
        step = decoder.step(fed[alive, t], state)
        yield alive, step
        state = step.state
