"""Consensus reranking against its formula, on a decoder whose probabilities are in a table."""

import math
from collections import Counter
from dataclasses import replace
from itertools import chain, pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.test_mbr_utility import expected_utility
from tests.search.scripted import ScriptedDecoder, pictures
from tushuo.decoders.base import Decoder
from tushuo.decoders.ensemble import Ensemble
from tushuo.errors import SettingError
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.search.consensus import idf_weights
from tushuo.search.hypothesis import Hypothesis
from tushuo.search.step_by_step import step_by_step
from tushuo.text.vocabulary import UNK, Vocabulary, VocabularyConfig

PICTURES = [[["a", "b"], ["a", "c", "d"]], [["a", "b", "e"]], [["a", "f"]], [["a", "c", "f"]]]
WITHOUT_COUNTS = Vocabulary.fit(chain.from_iterable(PICTURES), VocabularyConfig())
VOCABULARY = WITHOUT_COUNTS.with_counts(PICTURES)
V = len(VOCABULARY)
CONFIG = SearchConfig(search="consensus", beam_size=6, n_best=6, mbr_samples=9, max_words=6)


def run_search(
    decoder: Decoder, *names: int, config: SearchConfig = CONFIG
) -> list[list[Hypothesis]]:
    return search(decoder, pictures(*names), config, vocabulary=VOCABULARY)


def draw_samples(decoder: Decoder, *names: int, config: SearchConfig) -> list[list[Hypothesis]]:
    """Draw samples as consensus does: of the model's own distribution, with empty captions."""
    steps = step_by_step(decoder, pictures(*names), config, VOCABULARY, may_be_empty=True)
    with torch.inference_mode():
        while True:
            try:
                next(steps)
            except StopIteration as end:
                samples: list[list[Hypothesis]] = end.value
                return samples


def words(hypotheses: list[Hypothesis]) -> list[list[int]]:
    return [one.words for one in hypotheses]


def all_words(results: list[list[Hypothesis]]) -> list[list[list[int]]]:
    return [words(hypotheses) for hypotheses in results]


def test_rare_words_have_larger_weights() -> None:
    """In the captions of four, two and one of four pictures; no picture counts as one."""
    weights = dict(zip(VOCABULARY.words, idf_weights(VOCABULARY).tolist(), strict=True))
    log_2 = 0.6931
    assert (weights["a"], weights["b"], weights["d"]) == (
        0.0, pytest.approx(log_2, abs=1e-4), pytest.approx(2 * log_2, abs=1e-4),
    )  # fmt: skip
    assert weights["<unk>"] == weights["d"]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.sampled_from([0.5, 1.0]), st.booleans())
def test_consensus_equals_brute_force(seed: int, temperature: float, allow_unk: bool) -> None:
    """The beam's captions in the order of their utility, and otherwise unchanged."""
    decoder = ScriptedDecoder(vocabulary=V, seed=seed, sharpness=1.0)
    config = replace(CONFIG, seed=seed, mbr_temperature=temperature, allow_unk=allow_unk)
    beams = run_search(decoder, 1, 2, config=replace(config, search="beam"))
    sampling = replace(config, search="sample", n_best=9, temperature=temperature)
    mbr_samples = draw_samples(decoder, 1, 2, config=sampling)
    weights = idf_weights(VOCABULARY).tolist()
    results = run_search(decoder, 1, 2, config=config)
    for name, hypotheses, beam, samples in zip((1, 2), results, beams, mbr_samples, strict=True):
        utilities = [expected_utility(one.words, words(samples), weights) for one in hypotheses]
        assert all(a >= b - 1e-9 for a, b in pairwise(utilities))
        assert sorted(words(hypotheses)) == sorted(words(beam))
        for one in hypotheses:
            assert one.log_probs == decoder.log_probs(name, one.words)
            candidate = next(other for other in beam if other.words == one.words)
            assert torch.equal(one.attention, candidate.attention)


def test_the_order_is_not_the_beam_s() -> None:
    decoder = ScriptedDecoder(vocabulary=V, sharpness=1.0)
    names = range(20)
    results = run_search(decoder, *names)
    beams = run_search(decoder, *names, config=replace(CONFIG, search="beam"))
    same_best = [a[0].words == b[0].words for a, b in zip(results, beams, strict=True)]
    assert 0 < sum(same_best) < len(same_best)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.sampled_from([0.01, 0.1, 1.0]))
def test_the_genericness_penalty_equals_its_formula(seed: int, penalty: float) -> None:
    """Utility less the penalty times the logarithm of the number of identical training captions."""
    decoder = ScriptedDecoder(vocabulary=V, seed=seed, sharpness=1.0)
    candidates = [ids for ids in words(run_search(decoder, 1)[0]) if ids and UNK not in ids]
    captions = [" ".join(VOCABULARY.decode(ids)) for ids in candidates]
    counts = dict(zip(captions, [7, 1, 2], strict=False))
    repeated = [[caption.split()] * n for caption, n in counts.items()]
    vocabulary = WITHOUT_COUNTS.with_counts([*PICTURES, *repeated])
    total = Counter(" ".join(caption) for group in (*PICTURES, *repeated) for caption in group)

    def ranked(config: SearchConfig) -> list[list[int]]:
        return words(search(decoder, pictures(1), config, vocabulary=vocabulary)[0])

    sampling = replace(CONFIG, search="sample", n_best=9, temperature=0.7)
    mbr_samples = words(draw_samples(decoder, 1, config=sampling)[0])
    weights = idf_weights(vocabulary).tolist()

    def score(ids: list[int]) -> float:
        count = max(1, total[" ".join(VOCABULARY.decode(ids))])
        return expected_utility(ids, mbr_samples, weights) - penalty * math.log(count)

    penalised = ranked(replace(CONFIG, genericness_penalty=penalty))
    assert sorted(penalised) == sorted(ranked(CONFIG))
    assert all(score(a) >= score(b) - 1e-9 for a, b in pairwise(penalised))


def test_a_large_genericness_penalty_moves_a_repeated_caption_to_the_end() -> None:
    decoder = ScriptedDecoder(vocabulary=V, seed=3, sharpness=1.0)
    first = words(run_search(decoder, 1)[0])[0]
    caption = VOCABULARY.decode(first)
    vocabulary = WITHOUT_COUNTS.with_counts([*PICTURES, [caption, caption], [caption]])
    config = replace(CONFIG, genericness_penalty=9.0)
    assert words(search(decoder, pictures(1), config, vocabulary=vocabulary)[0])[-1] == first


def test_the_genericness_penalty_requires_caption_counts() -> None:
    counts = VOCABULARY.counts
    assert counts
    without = Vocabulary.fit([["a"]], VocabularyConfig())
    without.counts = replace(counts, captions=None)
    with pytest.raises(SettingError, match=r"genericness-penalty requires counts .* train command"):
        search(
            ScriptedDecoder(vocabulary=len(without)),
            pictures(1),
            replace(CONFIG, genericness_penalty=0.1),
            vocabulary=without,
        )


def test_fewer_captions_are_the_first_of_more() -> None:
    """The whole beam is reranked, whatever n_best is."""
    decoder = ScriptedDecoder(vocabulary=V, seed=3)
    few = run_search(decoder, 4, 5, config=replace(CONFIG, n_best=2))
    assert all_words(few) == [captions[:2] for captions in all_words(run_search(decoder, 4, 5))]


def test_captions_do_not_depend_on_the_batch() -> None:
    decoder = ScriptedDecoder(vocabulary=V, seed=8, sharpness=1.0)
    names = (9, 1, 7, 7, 30)
    singles = [words(run_search(decoder, name)[0]) for name in names]
    assert all_words(run_search(decoder, *names)) == singles


def test_equal_seeds_give_equal_captions_and_another_seed_other_ones() -> None:
    decoder = ScriptedDecoder(vocabulary=V, sharpness=1.0)
    config = replace(CONFIG, mbr_samples=1)

    def captions(seed: int) -> list[list[list[int]]]:
        return all_words(run_search(decoder, *range(9), config=replace(config, seed=seed)))

    assert captions(4) == captions(4) != captions(5)


def test_consensus_of_an_ensemble() -> None:
    decoders = [ScriptedDecoder(vocabulary=V, seed=seed) for seed in (1, 2)]
    single = run_search(decoders[0], 3, 4)
    assert all_words(run_search(Ensemble([decoders[0]] * 2), 3, 4)) == all_words(single)
    beams = run_search(Ensemble(decoders), 3, 4, config=replace(CONFIG, search="beam"))
    ensemble = run_search(Ensemble(decoders), 3, 4)
    assert [sorted(captions) for captions in all_words(ensemble)] == [
        sorted(captions) for captions in all_words(beams)
    ]


def test_samples_need_not_satisfy_the_constraints() -> None:
    """They are drawn without constraints, so a constraint that they break raises no error."""
    decoder = ScriptedDecoder(vocabulary=V, seed=1)
    (hypotheses,) = run_search(
        decoder,
        1,
        config=replace(CONFIG, no_repeat_ngram=1, min_words=6, required_words=("a", "f")),
    )
    assert hypotheses
    assert all(len(set(one.words)) == len(one.words) == 6 for one in hypotheses)


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        (WITHOUT_COUNTS, r"no frequencies\.json; repeat the tushuo train command that made"),
        (None, "consensus requires a vocabulary"),
    ],
)
def test_consensus_requires_word_counts(vocabulary: Vocabulary | None, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        search(ScriptedDecoder(vocabulary=V), pictures(1), CONFIG, vocabulary=vocabulary)
