"""The one legend of axes.

| letter | axis |
|---|---|
| B | rows of a batch: captions or hypotheses |
| P | pictures of a batch (several rows may share one picture) |
| R | regions of a picture, row by row of the encoder's grid |
| D | width of a region's features |
| T | words of a caption, ``<start>`` and ``<end>`` included |
| N | real words of a batch, packed without padding |
| V | vocabulary |
| H | hidden width |
| E | width of a word's vector and of a projected region |
| G | gates of a recurrent cell, all side by side |
| A | attention: the width in which it compares, or a Transformer's heads; W is a head's width |
| K | rows chosen, or asked for by one picture; U pictures (or captions) that ask |

Signatures write them with jaxtyping: ``regions: Float[Tensor, "P R D"]``. A single axis carries a
leading space (``" B"``). Masks are ``Bool`` and True means keep.
"""
