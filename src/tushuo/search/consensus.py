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
from tushuo.metrics.mbr_utility import mbr_utility
from tushuo.search.beam_search import beam
from tushuo.search.config import SearchConfig
from tushuo.search.hypothesis import Hypothesis
from tushuo.search.step_by_step import step_by_step
from tushuo.text.vocabulary import CorpusCounts, Vocabulary


def consensus(
    decoder: Decoder,
    regions: Float[Tensor, "P R D"],
    config: SearchConfig,
    vocabulary: Vocabulary | None,
) -> list[list[Hypothesis]]:
    """Search every picture's captions with beams, then rank them by agreement with judges.

    Candidates keep all constraints. Judges keep none but the longest length: they say what the
    model sees, and of the captions that are allowed the nearest to that is said. A stock penalty
    takes from the agreement of what people said of many training pictures, for that says little of
    this one: as log P(caption) does in Li et al., "A Diversity-Promoting Objective Function for
    Neural Conversation Models", NAACL 2016, equation 9, but counted and not modelled.

    Raises:
        SettingError: it is not known how rare words or captions are, or the beams refuse.
    """
    rarity, stock = idf_weights(vocabulary), caption_counts(vocabulary, config)
    found = beam(
        decoder, regions, replace(config, search="beam", n_best=config.beam_size), vocabulary
    )
    mbr_samples = step_by_step(decoder, regions, _judging(config), vocabulary)
    agreed = mbr_utility(
        [[one.words for one in of] for of in found],
        [[one.words for one in of] for of in mbr_samples],
        rarity,
    )
    ranked = []
    for of, alike in zip(found, agreed, strict=True):
        times = [stock.get(tuple(one.words), 1) for one in of]
        worth = alike - config.genericness_penalty * np.log(times)
        best = np.argsort(-worth, kind="stable")[: config.n_best]
        ranked.append([of[place] for place in best.tolist()])
    return ranked


def _judging(config: SearchConfig) -> SearchConfig:
    """Return how the judges are drawn."""
    return SearchConfig(
        search="sample",
        n_best=config.mbr_samples,
        temperature=config.mbr_temperature,
        seed=config.seed,
        max_words=config.max_words,
        allow_unk=config.allow_unk,
    )


def idf_weights(vocabulary: Vocabulary | None) -> Float[np.ndarray, " V"]:
    """Weigh each word: the logarithm of all pictures by those of whose captions it is one.

    Raises:
        SettingError: there is no vocabulary, or it does not know that.
    """
    words, common = _counted(vocabulary)
    counts = [max(1, common.words.get(word, 0)) for word in words.words]
    return math.log(max(1, common.pictures)) - np.log(np.array(counts, float))


def caption_counts(
    vocabulary: Vocabulary | None, config: SearchConfig
) -> dict[tuple[int, ...], int]:
    """Return how many training captions say just so, by the words' ids, where at least two do.

    Raises:
        SettingError: a stock penalty is asked for, and that was never counted.
    """
    if not config.genericness_penalty:
        return {}
    words, common = _counted(vocabulary)
    if common.captions is None:
        raise SettingError(
            "stock-penalty asks how often captions were said in training, which this run's "
            f"frequencies.json does not tell; {_ANEW}"
        )
    ids = {word: place for place, word in enumerate(words.words)}
    return {tuple(ids[of] for of in said.split(" ")): n for said, n in common.captions.items()}


_ANEW = (
    "give the tushuo train command that made it once more: "
    "that writes the file, and trains nothing again"
)


def _counted(vocabulary: Vocabulary | None) -> tuple[Vocabulary, CorpusCounts]:
    """Return a vocabulary that knows how common its words are, and that."""
    if vocabulary is None:
        raise SettingError("consensus was asked of a search that has no vocabulary; pass the run's")
    if vocabulary.counts is None:
        raise SettingError(
            "consensus weighs words by how rare they are in the training captions, and this run "
            f"has no frequencies.json; {_ANEW}"
        )
    return vocabulary, vocabulary.counts
