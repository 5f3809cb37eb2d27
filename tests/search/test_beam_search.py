"""Beams against truth, on a decoder whose probabilities stand in a table."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.scripted import ScriptedDecoder, captions, pictures
from tushuo.search import search
from tushuo.search.candidates import top_words
from tushuo.search.config import SearchConfig
from tushuo.search.filters import NEVER
from tushuo.search.hypothesis import Hypothesis
from tushuo.text.vocabulary import END, PAD, START, UNK

V = 7  # three words, an end, and what is never said
MODES = [
    SearchConfig(max_words=9),
    SearchConfig(search="sample", n_best=3, max_words=9),
    SearchConfig(search="beam", n_best=5, max_words=9),
    SearchConfig(search="diverse", beam_size=6, groups=3, n_best=6, max_words=9),
]
seeds = st.integers(0, 10_000)
scores = st.sampled_from(["sum", "mean", "gnmt"])


def ranked(log_probs: list[float], score: str, alpha: float) -> float:
    T = len(log_probs)
    divisor = {"sum": 1.0, "mean": T, "gnmt": ((5 + T) / 6) ** alpha}[score]
    return sum(log_probs) / divisor


def same(found: list[Hypothesis], others: list[Hypothesis]) -> bool:
    """Say whether they are equal to the last bit."""
    return len(found) == len(others) and all(
        (a.words, a.log_probs) == (b.words, b.log_probs) and torch.equal(a.attention, b.attention)
        for a, b in zip(found, others, strict=True)
    )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seeds, scores, st.sampled_from([0.0, 0.6, 2.0]), st.integers(1, 4))
def test_a_full_beam_is_brute_force(seed: int, score: str, alpha: float, longest: int) -> None:
    decoder = ScriptedDecoder(vocabulary=V, seed=seed).double()  # sums are compared
    every = list(captions(V, longest))
    config = SearchConfig(
        search="beam", beam_size=len(every), n_best=len(every), length_norm=score, gnmt_alpha=alpha,
        max_words=longest,
    )  # fmt: skip
    for picture, found in zip((3, 9), search(decoder, pictures(3, 9), config), strict=True):
        truth = {tuple(words): decoder.told(picture, words) for words in every}
        assert {tuple(h.words) for h in found} == set(truth)
        for hypothesis in found:
            assert hypothesis.log_probs == truth[tuple(hypothesis.words)]
        order = [ranked(h.log_probs, score, alpha) for h in found]
        assert order == pytest.approx(sorted(order, reverse=True), abs=1e-12)
        best = max(ranked(of, score, alpha) for of in truth.values())
        assert order[0] == pytest.approx(best, abs=1e-12)


@given(seeds, st.integers(0, 6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_beam_of_one_is_greedy(seed: int, longest: int) -> None:
    decoder = ScriptedDecoder(vocabulary=12, seed=seed)
    longest = max(1, longest)
    found = search(
        decoder, pictures(1, 2, 3), SearchConfig(search="beam", beam_size=1, max_words=longest)
    )
    greedy = search(decoder, pictures(1, 2, 3), SearchConfig(max_words=longest))
    assert all(same(*pair) for pair in zip(found, greedy, strict=True))


@given(seeds, st.lists(st.integers(0, 1000), min_size=1, max_size=6), st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_batch_says_what_singles_say(seed: int, names: list[int], data: st.DataObject) -> None:
    config = replace(data.draw(st.sampled_from(MODES)), seed=seed)
    decoder = ScriptedDecoder(vocabulary=12, seed=seed)
    for name, found in zip(names, search(decoder, pictures(*names), config), strict=True):
        (alone,) = search(decoder, pictures(name), config)
        assert same(found, alone)


@given(seeds, st.sampled_from(MODES))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_attention_is_that_of_the_words(seed: int, config: SearchConfig) -> None:
    """The script's attention names the picture and the word before: each must be the own one."""
    decoder = ScriptedDecoder(vocabulary=12, seed=seed)
    for name, found in zip((4, 5), search(decoder, pictures(4, 5), config), strict=True):
        for hypothesis in found:
            assert hypothesis.attention.shape == (len(hypothesis.words), 3)
            assert hypothesis.attention[:, 1].tolist() == [name] * len(hypothesis.words)
            before = [1, *hypothesis.words][: len(hypothesis.words)]
            assert hypothesis.attention[:, 2].tolist() == before
            assert hypothesis.log_probs == decoder.told(name, hypothesis.words)


@given(seeds, scores)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_ended_captions_never_change(seed: int, score: str) -> None:
    """A beam that may go on longer keeps every caption that it had ended, unless better ones came.

    Whatever stands among the answers is a true caption with true numbers, and what was full at a
    shorter limit is word for word the same at a longer one.
    """
    decoder = ScriptedDecoder(vocabulary=9, seed=seed)
    settled = {}
    for longest in range(2, 12):
        config = SearchConfig(
            search="beam", beam_size=3, n_best=3, max_words=longest, length_norm=score
        )
        (found,) = search(decoder, pictures(7), config)
        if settled:
            assert [tuple(h.words) for h in found] == settled["words"]
        if len(found) == 3 and max(len(h.words) for h in found) < longest:
            settled = {"words": [tuple(h.words) for h in found]}
        for hypothesis in found:
            assert hypothesis.log_probs == decoder.told(7, hypothesis.words)


@given(seeds, st.integers(1, 3))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_groups_without_strength_are_beams(seed: int, width: int) -> None:
    decoder = ScriptedDecoder(vocabulary=12, seed=seed)
    diverse = SearchConfig(
        search="diverse",
        beam_size=4 * width,
        groups=4,
        diversity_penalty=0.0,
        n_best=width,
        max_words=8,
    )
    plain = SearchConfig(search="beam", beam_size=width, n_best=width, max_words=8)
    found = search(decoder, pictures(1, 2), diverse)
    beams = search(decoder, pictures(1, 2), plain)
    assert all(same(*pair) for pair in zip(found, beams, strict=True))


def one_after_the_other(
    decoder: ScriptedDecoder, picture: int, groups: int, diversity_penalty: float, longest: int
) -> list[list[int]]:
    """Groups of one hypothesis each, by loops: the best word less what earlier groups took."""
    said: list[list[int]] = [[] for _ in range(groups)]
    ended = [False] * groups
    for length in range(longest + 1):
        taken = torch.zeros(decoder.table.shape[1])
        for group in range(groups):
            if not ended[group]:
                worth = decoder.next(picture, said[group]) - diversity_penalty * taken
                worth[[PAD, START, UNK]] = -torch.inf
                word = END if length == longest else int(worth.argmax())
                if word == END:
                    ended[group] = True
                else:
                    said[group].append(word)
                    taken[word] += 1
    return said


@given(seeds, st.sampled_from([0.3, 1.0, 100.0]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_groups_keep_away_from_earlier_groups_and_keep_true_numbers(
    seed: int, diversity_penalty: float
) -> None:
    decoder = ScriptedDecoder(vocabulary=12, seed=seed).double()  # sums are compared
    config = SearchConfig(
        search="diverse",
        beam_size=4,
        groups=4,
        diversity_penalty=diversity_penalty,
        n_best=4,
        max_words=6,
    )
    for name, found in zip((3, 8), search(decoder, pictures(3, 8), config), strict=True):
        said = one_after_the_other(decoder, name, 4, diversity_penalty, 6)
        assert {tuple(h.words) for h in found} == {tuple(words) for words in said}
        worth = [h.log_prob / len(h.log_probs) for h in found]
        assert worth == pytest.approx(sorted(worth, reverse=True), abs=1e-12)
        for hypothesis in found:
            assert hypothesis.log_probs == decoder.told(name, hypothesis.words)


def test_each_group_s_best_comes_before_any_group_s_second() -> None:
    """The first group is a beam of its own: its second caption is never among the first two."""
    decoder, names = ScriptedDecoder(vocabulary=30, seed=2), pictures(*range(30))
    diverse = SearchConfig(
        search="diverse",
        beam_size=4,
        groups=2,
        diversity_penalty=100.0,
        n_best=4,
        min_words=3,
        max_words=8,
    )
    alone = SearchConfig(search="beam", beam_size=2, n_best=2, min_words=3, max_words=8)
    better = 0
    for found, (best, second) in zip(
        search(decoder, names, diverse), search(decoder, names, alone), strict=True
    ):
        said = [one.words for one in found]
        assert said.index(best.words) < 2 <= said.index(second.words)
        worth = [ranked(one.log_probs, "mean", 0.0) for one in (second, *found[:2])]
        better += worth[0] > min(worth[1:])
    assert better  # than the other group's best, at times, so the order is not that of the scores


def test_longer_captions_where_length_is_made_even() -> None:
    decoder = ScriptedDecoder(vocabulary=12, seed=5)
    names = pictures(*range(40))
    mean_words = {
        score: sum(
            len(best.words)
            for best, *_ in search(decoder, names, SearchConfig(search="beam", length_norm=score))
        )
        for score in ("sum", "gnmt", "mean")
    }
    assert mean_words["sum"] < mean_words["gnmt"] < mean_words["mean"]


@given(seeds, st.integers(1, 12), st.integers(1, 3000))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_likeliest_of_many_words_are_those_of_a_whole_sort(
    seed: int, count: int, words: int
) -> None:
    made = torch.randn(2, 1, 3, words + 8, generator=torch.Generator().manual_seed(seed))
    scores = made[..., :words].masked_fill(made[..., :words] < 0, NEVER)
    count = min(count, words)
    values, places = top_words(scores, count)
    assert values.equal(scores.sort(dim=-1, descending=True).values[..., :count])
    assert scores.gather(-1, places).equal(values)
    assert all(len(set(row)) == count for row in places.flatten(0, 2).tolist())
