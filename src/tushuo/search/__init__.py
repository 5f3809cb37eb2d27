"""From a decoder's probabilities to captions, through one call."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from tushuo.decoders.base import Decoder
from tushuo.search.config import Hypothesis, SearchConfig
from tushuo.search.step_by_step import step_by_step

Search = Callable[[Decoder, Float[Tensor, "P R D"], SearchConfig], list[list[Hypothesis]]]
SEARCHES: dict[str, Search] = {"greedy": step_by_step, "sample": step_by_step}


def search(
    decoder: Decoder, regions: Float[Tensor, "P R D"], config: SearchConfig
) -> list[list[Hypothesis]]:
    """Search captions for a batch of pictures; the best hypothesis of each comes first."""
    return SEARCHES[config.search](decoder, regions.to(decoder.device), config)
