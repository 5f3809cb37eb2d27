"""From a decoder's probabilities to captions, through one call.

Each search is imported when it is asked for: the settings alone want no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from tushuo.decoders.base import Decoder
    from tushuo.search.config import SearchConfig
    from tushuo.search.hypothesis import Hypothesis
    from tushuo.text.vocabulary import Vocabulary

SEARCHES = {
    "greedy": "tushuo.search.step_by_step:step_by_step",
    "sample": "tushuo.search.step_by_step:step_by_step",
    "beam": "tushuo.search.beam_search:beam",
    "diverse": "tushuo.search.beam_search:beam",
    "consensus": "tushuo.search.consensus:consensus",
}


def search(
    decoder: "Decoder",
    regions: "Tensor",
    config: "SearchConfig",
    *,
    vocabulary: "Vocabulary | None" = None,
) -> "list[list[Hypothesis]]":
    """Search captions for a batch of pictures.

    Args:
        decoder: any; several in one `decoders.ensemble.Ensemble` too.
        regions: of each picture, (P, R, D).
        config: what is searched, and how.
        vocabulary: the run's; needed where the configuration names words, or asks for a consensus.

    Returns:
        The hypotheses of each picture, the best first.

    Raises:
        SettingError: a word is not in the vocabulary, or no caption can keep all constraints.
    """
    slots_left, name = SEARCHES[config.search].split(":")
    return getattr(import_module(slots_left), name)(
        decoder, regions.to(decoder.device), config, vocabulary
    )
