"""From a decoder's probabilities to hypotheses, through one call.

Each search is imported when it is used, because the settings alone do not need torch.
"""

from collections.abc import Callable, Generator
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from tushuo.errors import SettingError, StoppedError

if TYPE_CHECKING:
    from torch import Tensor

    from tushuo.decoders.base import Decoder
    from tushuo.search.config import SearchConfig
    from tushuo.search.evidence_ranking import Support
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
    support: "Support | None" = None,
    stop: Callable[[], bool] | None = None,
) -> "list[list[Hypothesis]]":
    """Search captions for a batch of pictures.

    Args:
        decoder: any decoder, or several in a `decoders.ensemble.Ensemble`.
        regions: regions of each picture, (P, R, D).
        config: the search and its settings.
        vocabulary: the run's; required where the settings name words, and by ``consensus``.
        support: evidence for captions; required where ``evidence_weight`` is set.
        stop: called after each decoding step; True cancels the search.

    Returns:
        The hypotheses of each picture, best first.

    Raises:
        SettingError: a word is not in the vocabulary, or no caption satisfies the constraints.
        StoppedError: ``stop`` returned True.
    """
    steps = search_steps(decoder, regions, config, vocabulary=vocabulary, support=support)
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
    support: "Support | None" = None,
) -> Steps:
    """Search like `search`, one decoding step at a time.

    Yields:
        A function that returns the leading prefix of each picture, as token ids without ``<start>``
        and ``<end>``: its best unfinished hypothesis, or its best finished one once it is complete.

    Returns:
        The hypotheses of each picture, best first.

    Raises:
        SettingError: a word is not in the vocabulary, no caption satisfies the constraints, or
            there is an evidence weight but no evidence.
    """
    import torch

    by_evidence = config.search == "beam" and config.evidence_weight > 0
    if by_evidence and support is None:
        raise SettingError(
            f"evidence-weight was {config.evidence_weight}, but this run finds no concepts that "
            "could support a caption; leave it out"
        )
    module, name = SEARCHES[config.search].split(":")
    engine = getattr(import_module(module), name)
    n_best = config.beam_size if by_evidence else config.n_best
    steps: Steps = engine(
        decoder, regions.to(decoder.device), replace(config, n_best=n_best), vocabulary
    )
    while True:
        with torch.inference_mode():  # and not across the yield, where the caller's code runs
            try:
                prefixes = next(steps)
            except StopIteration as end:
                hypotheses = end.value
                break
        yield prefixes
    if by_evidence and support is not None:
        from tushuo.search.evidence_ranking import rank_by_evidence

        return rank_by_evidence(hypotheses, support, config)
    return hypotheses
