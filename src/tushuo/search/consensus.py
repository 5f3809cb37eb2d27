"""Of the captions that a beam finds, those that the model itself would agree with the most.

Minimum Bayes risk: Kumar, Byrne, "Minimum Bayes-Risk Decoding for Statistical Machine Translation",
NAACL 2004, with expectations over samples as in Eikema, Aziz, "Sampling-Based Approximations to
Minimum Bayes Risk Decoding for Neural Machine Translation", EMNLP 2022. For captions a consensus
among those of similar pictures: Devlin et al., "Exploring Nearest Neighbor Approaches for Image
Captioning", 2015.

Differs from them: candidates are a beam's, judges are samples of a lower temperature, and the
utility is the similarity of `metrics.agreement`, by how rare words are in the training captions.
"""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from tushuo.decoders.base import Decoder
from tushuo.errors import SettingError
from tushuo.metrics.agreement import agreement
from tushuo.search.beam import beam
from tushuo.search.config import SearchConfig
from tushuo.search.hypothesis import Hypothesis
from tushuo.search.step_by_step import step_by_step
from tushuo.vocabulary import Vocabulary


def consensus(
    decoder: Decoder,
    regions: Float[Tensor, "P R D"],
    config: SearchConfig,
    vocabulary: Vocabulary | None,
) -> list[list[Hypothesis]]:
    """Search every picture's captions with beams, then rank them by agreement with judges.

    Candidates keep all constraints. Judges keep none but the longest length: they say what the
    model sees, and of the captions that are allowed the nearest to that is said.

    Raises:
        SettingError: it is not known how rare words are, or the beams refuse.
    """
    rarity = rarities(vocabulary)
    found = beam(
        decoder, regions, replace(config, search="beam", n_best=config.beam_size), vocabulary
    )
    judges = step_by_step(decoder, regions, _judging(config), vocabulary)
    agreed = agreement(
        [[one.words for one in of] for of in found],
        [[one.words for one in of] for of in judges],
        rarity,
    )
    ranks = [np.argsort(-of, kind="stable")[: config.n_best].tolist() for of in agreed]
    return [[of[place] for place in places] for of, places in zip(found, ranks, strict=True)]


def _judging(config: SearchConfig) -> SearchConfig:
    """Return how the judges are drawn."""
    return SearchConfig(
        search="sample",
        n_best=config.judges,
        temperature=config.judge_temperature,
        seed=config.seed,
        max_words=config.max_words,
        unk=config.unk,
    )


def rarities(vocabulary: Vocabulary | None) -> Float[np.ndarray, " V"]:
    """Weigh each word: the logarithm of all pictures by those of whose captions it is one.

    Raises:
        SettingError: there is no vocabulary, or it does not know that.
    """
    common = vocabulary.frequencies if vocabulary else None
    if vocabulary is None or common is None:
        raise SettingError(
            "consensus weighs words by how rare they are in the training captions, and this run "
            "has no frequencies.json; give the tushuo train command that made it once more: "
            "that writes the file, and trains nothing again"
            if vocabulary
            else "consensus was asked of a search that has no vocabulary; pass the run's"
        )
    counts = [max(1, common.words.get(word, 0)) for word in vocabulary.words]
    return math.log(max(1, common.pictures)) - np.log(np.array(counts, float))
