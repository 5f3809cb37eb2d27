"""From a decoder's probabilities to hypotheses, through one call.

Each search is imported when it is used, because the settings alone do not need torch.
"""

from collections.abc import Callable, Generator
from importlib import import_module
from typing import TYPE_CHECKING

from tushuo.errors import StoppedError

if TYPE_CHECKING:
    from torch import Tensor

    from tushuo.decoders.base import Decoder
    from tushuo.search.config import SearchConfig
    from tushuo.search.hypothesis import Hypothesis
    from tushuo.text.vocabulary import Vocabulary

SEARCHES = {
    "greedy": "tushuo.search.step_by_step:step_by_step",
    "sample": "tushuo.search.step_by_step:step_by_step",
    "beam": "tushuo.search.beam_search:beam_search",
    "diverse": "tushuo.search.beam_search:beam_search",
    "consensus": "tushuo.search.consensus:consensus",
}

Prefixes = Callable[[], list[list[int]]]
"""Returns the leading prefix of each picture's caption; valid until the search goes on."""

Steps = Generator[Prefixes, None, "list[list[Hypothesis]]"]
"""A search that yields after each decoding step and returns the hypotheses of each picture."""


def search(
    decoder: "Decoder",
    regions: "Tensor",
    config: "SearchConfig",
    *,
    vocabulary: "Vocabulary | None" = None,
    stop: Callable[[], bool] | None = None,
) -> "list[list[Hypothesis]]":
    """Search captions for a batch of pictures.

    Args:
        decoder: any decoder, or several in a `decoders.ensemble.Ensemble`.
        regions: regions of each picture, (P, R, D).
        config: the search and its settings.
        vocabulary: the run's; required where the settings name words, and by ``consensus``.
        stop: called after each decoding step; True cancels the search.

    Returns:
        The hypotheses of each picture, best first.

    Raises:
        SettingError: a word is not in the vocabulary, or no caption satisfies the constraints.
        StoppedError: ``stop`` returned True.
    """
    steps = search_steps(decoder, regions, config, vocabulary=vocabulary)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        if stop is not None and stop():
            steps.close()
            raise StoppedError("captioning was cancelled between two decoding steps by its caller")


def search_steps(
    decoder: "Decoder",
    regions: "Tensor",
    config: "SearchConfig",
    *,
    vocabulary: "Vocabulary | None" = None,
) -> Steps:
    """Search like `search`, one decoding step at a time.

    Yields:
        A function that returns the leading prefix of each picture, as token ids without ``<start>``
        and ``<end>``: its best unfinished hypothesis, or its best finished one once it is complete.

    Returns:
        The hypotheses of each picture, best first.

    Raises:
        SettingError: a word is not in the vocabulary, or no caption satisfies the constraints.
    """
    import torch

    module, name = SEARCHES[config.search].split(":")
    engine = getattr(import_module(module), name)
    steps: Steps = engine(decoder, regions.to(decoder.device), config, vocabulary)
    while True:
        with torch.inference_mode():  # and not across the yield, where the caller's code runs
            try:
                prefixes = next(steps)
            except StopIteration as end:
                return end.value
        yield prefixes
