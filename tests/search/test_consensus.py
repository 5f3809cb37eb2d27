"""Consensus against its formula, on a decoder whose probabilities stand in a table."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.test_mbr_utility import by_hand
from tests.search.scripted import ScriptedDecoder, pictures
from tushuo.decoders.base import Decoder
from tushuo.decoders.ensemble import Ensemble
from tushuo.errors import SettingError
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.search.consensus import idf_weights
from tushuo.search.hypothesis import Hypothesis
from tushuo.text.vocabulary import UNK, Vocabulary, VocabularyConfig

PICTURES = [[["a", "b"], ["a", "c", "d"]], [["a", "b", "e"]], [["a", "f"]], [["a", "c", "f"]]]
PLAIN = Vocabulary.fit([one for of in PICTURES for one in of], VocabularyConfig())
WORDS = PLAIN.with_counts(PICTURES)
V = len(WORDS)
CONFIG = SearchConfig(search="consensus", beam_size=6, n_best=6, mbr_samples=9, max_words=6)


def found(decoder: Decoder, *names: int, config: SearchConfig = CONFIG) -> list[list[Hypothesis]]:
    return search(decoder, pictures(*names), config, vocabulary=WORDS)


def words(found: list[Hypothesis]) -> list[list[int]]:
    return [one.words for one in found]


def test_rare_words_weigh_more() -> None:
    """In four, two and one of four pictures' captions; never said at all is as once."""
    weights = dict(zip(WORDS.words, idf_weights(WORDS).tolist(), strict=True))
    by_two = 0.6931
    assert (weights["a"], weights["b"], weights["d"]) == (
        0.0, pytest.approx(by_two, abs=1e-4), pytest.approx(2 * by_two, abs=1e-4),
    )  # fmt: skip
    assert weights["<unk>"] == weights["d"]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.sampled_from([0.5, 1.0]), st.booleans())
def test_it_is_brute_force(seed: int, temperature: float, allow_unk: bool) -> None:
    """The beam's captions in the order of their agreement, and nothing of them is altered."""
    decoder = ScriptedDecoder(vocabulary=V, seed=seed, sharpness=1.0)
    config = replace(CONFIG, seed=seed, mbr_temperature=temperature, allow_unk=allow_unk)
    beams = found(decoder, 1, 2, config=replace(config, search="beam"))
    draws = replace(config, search="sample", n_best=9, temperature=temperature)
    mbr_samples, weights = found(decoder, 1, 2, config=draws), idf_weights(WORDS).tolist()
    for name, of, beam, drawn in zip(
        (1, 2), found(decoder, 1, 2, config=config), beams, mbr_samples, strict=True
    ):
        agreed = [by_hand(one.words, words(drawn), weights) for one in of]
        assert all(a >= b - 1e-9 for a, b in pairwise(agreed))
        assert sorted(words(of)) == sorted(words(beam))
        for one in of:
            assert one.log_probs == decoder.told(name, one.words)
            twin = next(other for other in beam if other.words == one.words)
            assert torch.equal(one.attention, twin.attention)


def test_it_is_not_the_beam_s_order() -> None:
    decoder = ScriptedDecoder(vocabulary=V, sharpness=1.0)
    names = range(20)
    said, beams = (
        found(decoder, *names),
        found(decoder, *names, config=replace(CONFIG, search="beam")),
    )
    best = [one[0].words == other[0].words for one, other in zip(said, beams, strict=True)]
    assert 0 < sum(best) < len(best)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.sampled_from([0.01, 0.1, 1.0]))
def test_a_stock_penalty_is_its_formula(seed: int, penalty: float) -> None:
    """Agreement less the penalty times the logarithm of how many training captions say just so."""
    decoder = ScriptedDecoder(vocabulary=V, seed=seed, sharpness=1.0)
    known = [one.words for one in found(decoder, 1)[0] if one.words and UNK not in one.words]
    times = dict(zip([" ".join(WORDS.decode(of)) for of in known], [7, 1, 2], strict=False))
    stock = PLAIN.with_counts([*PICTURES, *([said.split()] * n for said, n in times.items())])

    def ranked(config: SearchConfig) -> list[list[int]]:
        return words(search(decoder, pictures(1), config, vocabulary=stock)[0])

    mbr_samples = ranked(replace(CONFIG, search="sample", n_best=9, temperature=0.7))
    weights = idf_weights(stock).tolist()

    def worth(said: list[int]) -> float:
        often = times.get(" ".join(WORDS.decode(said)), 1)
        return by_hand(said, mbr_samples, weights) - penalty * math.log(often)

    of = ranked(replace(CONFIG, genericness_penalty=penalty))
    assert sorted(of) == sorted(ranked(CONFIG))
    assert all(worth(a) >= worth(b) - 1e-9 for a, b in pairwise(of))


def test_a_stock_penalty_moves_what_everybody_says_to_the_end() -> None:
    decoder = ScriptedDecoder(vocabulary=V, seed=3, sharpness=1.0)
    first = words(found(decoder, 1)[0])[0]
    said = WORDS.decode(first)
    stock = PLAIN.with_counts([*PICTURES, [said, said], [said]])
    config = replace(CONFIG, genericness_penalty=9.0)
    assert words(search(decoder, pictures(1), config, vocabulary=stock)[0])[-1] == first


def test_a_stock_penalty_wants_the_counts() -> None:
    common = WORDS.counts
    assert common
    without = Vocabulary.fit([["a"]], VocabularyConfig())
    without.counts = replace(common, captions=None)
    with pytest.raises(SettingError, match=r"genericness-penalty requires counts .* train command"):
        search(
            ScriptedDecoder(vocabulary=len(without)),
            pictures(1),
            replace(CONFIG, genericness_penalty=0.1),
            vocabulary=without,
        )


def test_fewer_are_the_first_of_more() -> None:
    """Candidates are all of the beam's, however few are asked for."""
    decoder = ScriptedDecoder(vocabulary=V, seed=3)
    few = found(decoder, 4, 5, config=replace(CONFIG, n_best=2))
    assert [words(of) for of in few] == [words(of)[:2] for of in found(decoder, 4, 5)]


def test_a_batch_says_what_singles_say() -> None:
    decoder = ScriptedDecoder(vocabulary=V, seed=8, sharpness=1.0)
    names = (9, 1, 7, 7, 30)
    singles = [words(found(decoder, name)[0]) for name in names]
    assert [words(of) for of in found(decoder, *names)] == singles


def test_a_seed_repeats_and_another_hears_other_judges() -> None:
    decoder = ScriptedDecoder(vocabulary=V, sharpness=1.0)
    config = replace(CONFIG, mbr_samples=1)

    def said(seed: int) -> list[list[list[int]]]:
        return [words(of) for of in found(decoder, *range(9), config=replace(config, seed=seed))]

    assert said(4) == said(4) != said(5)


def test_several_decoders_agree_together() -> None:
    decoders = [ScriptedDecoder(vocabulary=V, seed=seed) for seed in (1, 2)]
    alone = found(decoders[0], 3, 4)
    assert [words(of) for of in found(Ensemble([decoders[0]] * 2), 3, 4)] == [
        words(of) for of in alone
    ]
    beams = found(Ensemble(decoders), 3, 4, config=replace(CONFIG, search="beam"))
    ensemble = found(Ensemble(decoders), 3, 4)
    assert [sorted(words(of)) for of in ensemble] == [sorted(words(of)) for of in beams]


def test_judges_may_say_what_captions_may_not() -> None:
    """They are drawn as they would be without constraints, so that no constraint silences them."""
    decoder = ScriptedDecoder(vocabulary=V, seed=1)
    (said,) = found(
        decoder,
        1,
        config=replace(CONFIG, no_repeat_ngram=1, min_words=6, required_words=("a", "f")),
    )
    assert said
    assert all(len(set(one.words)) == len(one.words) == 6 for one in said)


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        (PLAIN, r"no frequencies\.json; repeat the tushuo train command that made"),
        (None, "consensus requires a vocabulary"),
    ],
)
def test_it_wants_to_know_how_rare_words_are(vocabulary: Vocabulary | None, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        search(ScriptedDecoder(vocabulary=V), pictures(1), CONFIG, vocabulary=vocabulary)
