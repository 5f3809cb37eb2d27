"""Regions without a store: every picture is opened and encoded each time it is asked for."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.encoders.prepare import prepare
from tushuo.encoders.spec import Encoder
from tushuo.images import open_picture


def read_on_the_fly(
    encoder: Encoder, paths: Sequence[Path]
) -> Callable[[Sequence[int]], Float[Tensor, "P R D"]]:
    """Return a reader of regions that takes rows of ``paths`` as a store takes its own."""
    spec = encoder.spec

    def read(rows: Sequence[int]) -> Float[Tensor, "P R D"]:
        pictures = [prepare(open_picture(paths[row], at_least=spec.side), spec) for row in rows]
        # cloned, since training cannot go on from a tensor made in inference mode
        return encoder(torch.stack(pictures)).float().clone()

    return read
