"""Embed concepts as the memory that a decoder attends to, in place of regions.

A concept arrives as a region of three numbers, as `concepts.encoder` makes them: its index, the
log-odds that the picture shows it, and the cell where it was found, which is not embedded.

Attributes as a decoder's input are the idea of You et al., "Image Captioning with Semantic
Attention", CVPR 2016; theirs come beside a picture's features. Here they are all that the decoder
reads, so it can be trained on captions without pictures.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

SCORE_UNITS = 64
SCORE_SCALE = 4.0  # log-odds beyond it are rare
EMBEDDING_DEVIATION = 0.5


@final
class ConceptEmbedding(nn.Module):
    """Sum of an embedding of the concept and a function of its log-odds, normalised.

    Args:
        concepts: number of concepts, those that stand for a style included.
        units: width of the embeddings.
    """

    def __init__(self, *, concepts: int, units: int):
        super().__init__()
        self.embedding = nn.Embedding(concepts, units)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_DEVIATION)
        self.score = nn.Sequential(
            nn.Linear(3, SCORE_UNITS), nn.ReLU(), nn.Linear(SCORE_UNITS, units)
        )
        self.norm = nn.LayerNorm(units)

    def forward(self, concepts: Float[Tensor, "P K three"]) -> Float[Tensor, "P K H"]:
        """Embed concepts."""
        log_odds = concepts[..., 1:2]
        features = [log_odds / SCORE_SCALE, log_odds.sigmoid(), log_odds.tanh()]
        embedded = self.embedding(concepts[..., 0].long()) + self.score(torch.cat(features, -1))
        return self.norm(embedded)
