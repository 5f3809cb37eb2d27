"""Pictures to regions, one batch at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.captioning.captioner import Stop, raise_if_stopped
from tushuo.captioning.evidence import PictureEvidence
from tushuo.concepts.detector import Evidence
from tushuo.concepts.encoder import ConceptEncoder
from tushuo.encoders.resize import resize
from tushuo.encoders.spec import Encoder, EncoderSpec
from tushuo.errors import PictureError
from tushuo.pictures.pixels import Picture, to_pixels
from tushuo.trust.familiarity import pooled_features

Encoded = TypeVar("Encoded")
Encode = Callable[[Tensor], Sequence[Encoded]]
"""Square RGB pictures, "P 3 side side" uint8, to what a captioner keeps of each."""


@dataclass(frozen=True)
class PictureRegions:
    """Regions of one picture, computed before; a `NativeCaptioner` takes them as a picture.

    Attributes:
        regions: what the decoder reads.
        features: pooled features of the picture; None: those of ``regions``, unless these are
            concepts.
        evidence: evidence for concepts in the picture; None: not known.
    """

    regions: Float[Tensor, "R D"]
    features: Float[np.ndarray, " F"] | None = None
    evidence: PictureEvidence | None = None


def encode_pictures(
    spec: EncoderSpec,
    encode: Encode[Encoded],
    pictures: Sequence[Picture | Encoded],
    *,
    encoded_type: type[Encoded],
    stop: Stop | None = None,
) -> list[Encoded | PictureError]:
    """Open, resize and encode pictures; those that are encoded stay as they are.

    Args:
        spec: the encoder's spec.
        encode: encodes a batch.
        pictures: the pictures.
        encoded_type: the type of encoded pictures.
        stop: called before each picture is opened and before they are encoded.

    Returns:
        What is encoded, or the error of a picture that cannot be opened, in order.

    Raises:
        StoppedError: ``stop`` returned True.
    """
    results: dict[int, Encoded | PictureError] = {}
    squares: dict[int, Tensor] = {}  # by the picture's index
    for index, picture in enumerate(pictures):
        raise_if_stopped(stop)
        if isinstance(picture, encoded_type):
            results[index] = picture
            continue
        try:
            pixels = to_pixels(picture, at_least=spec.short_side)  # type: ignore[arg-type]
            squares[index] = resize(pixels, spec)
        except PictureError as error:
            results[index] = error
    if squares:
        raise_if_stopped(stop)
        results |= zip(squares, encode(torch.stack([*squares.values()])), strict=True)
    return [results[index] for index in range(len(pictures))]


def encode_with(encoder: Encoder, device: torch.device) -> Encode[PictureRegions]:
    """Return a function that encodes pictures with an encoder, and puts regions on a device."""
    if isinstance(encoder, ConceptEncoder):
        return lambda squares: concepts_of_regions(encoder, encoder.encoder(squares), device)
    return lambda squares: [PictureRegions(one) for one in encoder(squares).float().to(device)]


def concepts_of_regions(
    encoder: ConceptEncoder, regions: Float[Tensor, "P R D"], device: torch.device
) -> list[PictureRegions]:
    """Find the concepts in regions of the encoder that a concept model was fitted on."""
    evidence = encoder.detect(regions)
    concepts = encoder.select(evidence).to(device)
    return [
        PictureRegions(*parts)
        for parts in zip(
            concepts, pooled_features(regions.float()), picture_evidence(evidence), strict=True
        )
    ]


def picture_evidence(evidence: Evidence) -> list[PictureEvidence]:
    """Split the evidence of a batch by picture."""
    log_ratios, cells = evidence.log_ratios.float().cpu().numpy(), evidence.cells.cpu().numpy()
    return [PictureEvidence(*parts) for parts in zip(log_ratios, cells, strict=True)]


def to_device(picture: Picture | PictureRegions, device: torch.device) -> Picture | PictureRegions:
    """Move the regions of a picture that is encoded to a device."""
    if not isinstance(picture, PictureRegions):
        return picture
    return replace(picture, regions=picture.regions.to(device))
