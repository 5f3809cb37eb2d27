"""The letters of axes in shapes.

| letter | axis |
|---|---|
| B | rows of a batch: captions or hypotheses |
| P | pictures of a batch (several rows may share a picture) |
| R | regions of a picture, row by row of the encoder's grid |
| D | width of a region's features |
| T | words of a caption, ``<start>`` and ``<end>`` included |
| N | real words of a batch, packed without padding |
| V | vocabulary |
| H | hidden width |
| E | width of a word's vector and of a projected region |
| G | gates of a recurrent cell, concatenated |
| A | attention: width of keys and queries, or heads of a Transformer; W is the width of a head |
| K | selected rows, or queries of one picture; U pictures (or captions) with queries |

Signatures write them with jaxtyping: ``regions: Float[Tensor, "P R D"]``. A single axis carries a
leading space (``" B"``). Masks are ``Bool`` and True means keep.
"""
