"""Concepts as regions: what a decoder reads that was trained on captions without pictures.

A "region" is the index of a concept, the log-odds that the picture shows it, and the cell of the
encoder's grid where it was found. The first one stands for the style of the captions: those of the
pictures that the concepts were fitted on, or those of the text. The most probable concepts follow,
best first.
"""

import hashlib
from dataclasses import replace
from typing import final

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from tushuo.concepts.detector import Evidence
from tushuo.concepts.model import ConceptModel
from tushuo.encoders.spec import Encoder, EncoderSpec

PREFIX = "concepts:"  # of the encoder's name
CONCEPTS = 12  # of a picture
WIDTH = 3  # numbers of a concept
PICTURE_STYLE, TEXT_STYLE = 0, 1
STYLES = 2


def select_concepts(
    log_odds: Float[Tensor, "P C"], cells: Int[Tensor, "P C"], style: int
) -> Float[Tensor, "P K three"]:
    """Return the style and the most probable concepts of each picture."""
    best = log_odds.topk(min(CONCEPTS, log_odds.shape[1]))
    chosen = cells.gather(1, best.indices)
    concepts = torch.stack([best.indices.float(), best.values, chosen.float()], dim=-1)
    first = concepts.new_zeros(len(concepts), 1, WIDTH)
    first[:, 0, 0] = log_odds.shape[1] + style
    return torch.cat([first, concepts], dim=1)


def concept_spec(model: ConceptModel) -> EncoderSpec:
    """Return the spec of an encoder that returns concepts; its grid is that of their cells."""
    spec, digest = model.settings.encoder, hashlib.sha256()
    for name, weight in sorted(model.detector.state_dict().items()):
        digest.update(name.encode() + weight.cpu().contiguous().numpy().tobytes())
    digest.update(repr(model.settings.prior).encode())
    return replace(spec, name=f"{PREFIX}{spec.name}", width=WIDTH, weights=digest.hexdigest()[:16])


def is_concepts(spec: EncoderSpec) -> bool:
    """Whether an encoder returns concepts."""
    return spec.name.startswith(PREFIX)


def attention_on_grid(
    attention: Float[Tensor, "W K"], concepts: Float[Tensor, "K three"], spec: EncoderSpec
) -> Float[Tensor, "W R"]:
    """Move the attention weights of concepts to the cells where they were found.

    The weight of the style, which has no place, is spread evenly.
    """
    cells = concepts[1:, 2].long().to(attention.device)
    grid = attention[:, :1].expand(-1, spec.regions) / spec.regions
    return grid.index_add(1, cells, attention[:, 1:])


@final
class ConceptEncoder:
    """An encoder that returns the concepts of pictures, in the style and with the prior of text.

    Attributes:
        model: the concept model.
        encoder: the encoder whose regions the model reads.
    """

    def __init__(self, model: ConceptModel, encoder: Encoder):
        self.model, self.encoder = model, encoder
        self._prior = torch.tensor(model.settings.prior)
        self.spec = concept_spec(model)

    def __call__(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P K three"]:
        """Return the concepts of square RGB pictures, 0 to 255."""
        return self.select(self.detect(self.encoder(pictures)))

    @torch.inference_mode()
    def detect(self, regions: Float[Tensor, "P R D"]) -> Evidence:
        """Return the evidence in regions of `encoder`."""
        spec, detector = self.model.settings.encoder, self.model.detector
        return detector.to(regions.device)(regions, spec.rows, spec.columns)

    def select(self, evidence: Evidence) -> Float[Tensor, "P K three"]:
        """Return the concepts that a decoder reads."""
        log_odds = evidence.log_ratios + self._prior.to(evidence.log_ratios.device)
        return select_concepts(log_odds, evidence.cells, TEXT_STYLE)


def features_spec(encoder: Encoder) -> EncoderSpec:
    """Return the spec of the encoder whose pooled features a captioner's captions carry."""
    return encoder.encoder.spec if isinstance(encoder, ConceptEncoder) else encoder.spec
