"""Pictures to regions, one batch at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.captioning.captioner import Stop, raise_if_stopped
from tushuo.encoders.resize import resize
from tushuo.encoders.spec import Encoder
from tushuo.errors import PictureError
from tushuo.pictures.pixels import Picture, to_pixels


@dataclass(frozen=True)
class PictureRegions:
    """Regions of one picture, computed before; a `NativeCaptioner` takes them as a picture."""

    regions: Float[Tensor, "R D"]


def encode_pictures(
    encoder: Encoder,
    pictures: Sequence[Picture | PictureRegions],
    *,
    device: torch.device,
    stop: Stop | None = None,
) -> list[PictureRegions | PictureError]:
    """Return each picture's regions on a device, or its error if it cannot be opened.

    Raises:
        StoppedError: ``stop`` returned True; it is called before each picture is opened and before
            they are encoded.
    """
    spec = encoder.spec
    results: list[PictureRegions | PictureError] = []
    squares: dict[int, Tensor] = {}  # by the picture's index
    for index, picture in enumerate(pictures):
        raise_if_stopped(stop)
        if isinstance(picture, PictureRegions):
            results.append(PictureRegions(picture.regions.to(device)))
            continue
        try:
            squares[index] = resize(to_pixels(picture, at_least=spec.short_side), spec)
            results.append(PictureRegions(torch.empty(0, 0)))  # replaced below
        except PictureError as error:
            results.append(error)
    if squares:
        raise_if_stopped(stop)
        encoded = encoder(torch.stack([*squares.values()])).float().to(device)
        for index, regions in zip(squares, encoded, strict=True):
            results[index] = PictureRegions(regions)
    return results
