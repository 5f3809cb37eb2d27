"""Rerank a beam's captions by minimum Bayes risk (MBR).

Kumar, Byrne, "Minimum Bayes-Risk Decoding for Statistical Machine Translation", NAACL 2004, with
expectations over samples as in Eikema, Aziz, "Sampling-Based Approximations to Minimum Bayes Risk
Decoding for Neural Machine Translation", EMNLP 2022. For captions, a consensus among those of
similar pictures: Devlin et al., "Exploring Nearest Neighbor Approaches for Image Captioning", 2015.

Differs from them: candidates come from a beam, samples are drawn at a lower temperature, and the
utility is the n-gram similarity of `metrics.mbr_utility`, weighted by inverse document frequency in
the training captions.
"""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from tushuo.decoders.base import Decoder
from tushuo.errors import SettingError
from tushuo.metrics.mbr_utility import mbr_utility
from tushuo.search import Prefixes, Steps
from tushuo.search.beam_search import beam_search
from tushuo.search.config import SearchConfig
from tushuo.search.step_by_step import step_by_step
from tushuo.text.vocabulary import CorpusCounts, Vocabulary


def consensus(
    decoder: Decoder,
    regions: Float[Tensor, "P R D"],
    config: SearchConfig,
    vocabulary: Vocabulary | None,
) -> Steps:
    """Search every picture's captions with a beam, then rank them by expected utility.

    Candidates satisfy all constraints. Samples satisfy none but the maximum length, because they
    estimate the model's distribution: of the allowed captions, the one closest to it wins. The
    genericness penalty lowers captions that are frequent in training and hardly specific to this
    picture, like log P(caption) in Li et al., "A Diversity-Promoting Objective Function for Neural
    Conversation Models", NAACL 2016, equation 9, but counted instead of modelled.

    Raises:
        SettingError: the run has no word or caption counts, or the beam search raises it.
    """
    weights, counts = idf_weights(vocabulary), caption_counts(vocabulary, config)
    beam_config = replace(config, search="beam", n_best=config.beam_size)
    candidates = yield from beam_search(decoder, regions, beam_config, vocabulary)
    leading = [hypotheses[0].words for hypotheses in candidates]
    samples = step_by_step(decoder, regions, _sampling(config), vocabulary, may_be_empty=True)
    while True:
        try:
            next(samples)
        except StopIteration as end:
            sampled = end.value
            break
        yield _constant(leading)
    utilities = mbr_utility(
        [[one.words for one in hypotheses] for hypotheses in candidates],
        [[one.words for one in hypotheses] for hypotheses in sampled],
        weights,
    )
    results = []
    for hypotheses, utility in zip(candidates, utilities, strict=True):
        repeats = [counts.get(tuple(one.words), 1) for one in hypotheses]
        scores = utility - config.genericness_penalty * np.log(repeats)
        best = np.argsort(-scores, kind="stable")[: config.n_best]
        results.append([hypotheses[place] for place in best.tolist()])
    return results


def _constant(prefixes: list[list[int]]) -> Prefixes:
    return lambda: prefixes


def _sampling(config: SearchConfig) -> SearchConfig:
    """Return how MBR samples are drawn."""
    return SearchConfig(
        search="sample",
        n_best=config.mbr_samples,
        temperature=config.mbr_temperature,
        seed=config.seed,
        max_words=config.max_words,
        allow_unk=config.allow_unk,
    )


def idf_weights(vocabulary: Vocabulary | None) -> Float[np.ndarray, " V"]:
    """Return each word's inverse document frequency: log of all pictures over those that have it.

    Raises:
        SettingError: there is no vocabulary, or it has no counts.
    """
    vocabulary, counts = _require_counts(vocabulary)
    pictures = [max(1, counts.words.get(word, 0)) for word in vocabulary.words]
    return math.log(max(1, counts.pictures)) - np.log(np.array(pictures, float))


def caption_counts(
    vocabulary: Vocabulary | None, config: SearchConfig
) -> dict[tuple[int, ...], int]:
    """Return how often captions occur in training, by token ids, where at least twice.

    Raises:
        SettingError: there is a genericness penalty, but captions were never counted.
    """
    if not config.genericness_penalty:
        return {}
    vocabulary, counts = _require_counts(vocabulary)
    if counts.captions is None:
        raise SettingError(
            "genericness-penalty requires counts of the training captions, which this run's "
            f"frequencies.json does not have; {_REWRITE}"
        )
    ids = {word: place for place, word in enumerate(vocabulary.words)}
    return {
        tuple(ids[word] for word in caption.split(" ")): count
        for caption, count in counts.captions.items()
    }


_REWRITE = (
    "repeat the tushuo train command that made the run: it writes the file without training again"
)


def _require_counts(vocabulary: Vocabulary | None) -> tuple[Vocabulary, CorpusCounts]:
    if vocabulary is None:
        raise SettingError("consensus requires a vocabulary, but none was passed; pass the run's")
    if vocabulary.counts is None:
        raise SettingError(
            "consensus weights words by their document frequency in the training captions, but "
            f"this run has no frequencies.json; {_REWRITE}"
        )
    return vocabulary, vocabulary.counts
