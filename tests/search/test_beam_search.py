"""Beam searches against brute force, on a decoder whose probabilities are in a table."""

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

V = 7  # three words, the end token, and tokens that captions never contain
MODES = [
    SearchConfig(max_words=9),
    SearchConfig(search="sample", n_best=3, max_words=9),
    SearchConfig(search="beam", n_best=5, max_words=9),
    SearchConfig(search="diverse", beam_size=6, groups=3, n_best=6, max_words=9),
]
seeds = st.integers(0, 10_000)
length_norms = st.sampled_from(["sum", "mean", "gnmt"])


def ranked(log_probs: list[float], length_norm: str, alpha: float) -> float:
    T = len(log_probs)
    divisor = {"sum": 1.0, "mean": T, "gnmt": ((5 + T) / 6) ** alpha}[length_norm]
    return sum(log_probs) / divisor


def same(hypotheses: list[Hypothesis], others: list[Hypothesis]) -> bool:
    """Return whether hypotheses are equal to the last bit."""
    return len(hypotheses) == len(others) and all(
        (a.words, a.log_probs) == (b.words, b.log_probs) and torch.equal(a.attention, b.attention)
        for a, b in zip(hypotheses, others, strict=True)
    )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seeds, length_norms, st.sampled_from([0.0, 0.6, 2.0]), st.integers(1, 4))
def test_a_beam_as_wide_as_all_captions_equals_brute_force(
    seed: int, length_norm: str, alpha: float, longest: int
) -> None:
    decoder = ScriptedDecoder(vocabulary=V, seed=seed).double()  # sums are compared
    all_captions = list(captions(V, longest))
    config = SearchConfig(
        search="beam", beam_size=len(all_captions), n_best=len(all_captions), max_words=longest,
        length_norm=length_norm, gnmt_alpha=alpha,
    )  # fmt: skip
    for picture, hypotheses in zip((3, 9), search(decoder, pictures(3, 9), config), strict=True):
        expected = {tuple(words): decoder.log_probs(picture, words) for words in all_captions}
        assert {tuple(h.words) for h in hypotheses} == set(expected)
        for hypothesis in hypotheses:
            assert hypothesis.log_probs == expected[tuple(hypothesis.words)]
        order = [ranked(h.log_probs, length_norm, alpha) for h in hypotheses]
        assert order == pytest.approx(sorted(order, reverse=True), abs=1e-12)
        best = max(ranked(log_probs, length_norm, alpha) for log_probs in expected.values())
        assert order[0] == pytest.approx(best, abs=1e-12)


@given(seeds, st.integers(0, 6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_beam_of_one_equals_greedy_decoding(seed: int, longest: int) -> None:
    decoder = ScriptedDecoder(vocabulary=12, seed=seed)
    longest = max(1, longest)
    beam = search(
        decoder, pictures(1, 2, 3), SearchConfig(search="beam", beam_size=1, max_words=longest)
    )
    greedy = search(decoder, pictures(1, 2, 3), SearchConfig(max_words=longest))
    assert all(same(*pair) for pair in zip(beam, greedy, strict=True))


@given(seeds, st.lists(st.integers(0, 1000), min_size=1, max_size=6), st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_captions_do_not_depend_on_the_batch(
    seed: int, names: list[int], data: st.DataObject
) -> None:
    config = replace(data.draw(st.sampled_from(MODES)), seed=seed)
    decoder = ScriptedDecoder(vocabulary=12, seed=seed)
    for name, hypotheses in zip(names, search(decoder, pictures(*names), config), strict=True):
        (single,) = search(decoder, pictures(name), config)
        assert same(hypotheses, single)


@given(seeds, st.sampled_from(MODES))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_attention_and_log_probs_belong_to_the_words(seed: int, config: SearchConfig) -> None:
    """The scripted attention identifies the picture and the previous word."""
    decoder = ScriptedDecoder(vocabulary=12, seed=seed)
    for name, hypotheses in zip((4, 5), search(decoder, pictures(4, 5), config), strict=True):
        for hypothesis in hypotheses:
            assert hypothesis.attention.shape == (len(hypothesis.words), 3)
            assert hypothesis.attention[:, 1].tolist() == [name] * len(hypothesis.words)
            previous = [START, *hypothesis.words][: len(hypothesis.words)]
            assert hypothesis.attention[:, 2].tolist() == previous
            assert hypothesis.log_probs == decoder.log_probs(name, hypothesis.words)


@given(seeds, length_norms)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_finished_captions_never_change(seed: int, length_norm: str) -> None:
    """A beam that was complete at a lower limit on the length is the same at a higher one."""
    decoder = ScriptedDecoder(vocabulary=9, seed=seed)
    complete: list[list[int]] = []
    for longest in range(2, 12):
        config = SearchConfig(
            search="beam", beam_size=3, n_best=3, max_words=longest, length_norm=length_norm
        )
        (hypotheses,) = search(decoder, pictures(7), config)
        if complete:
            assert [h.words for h in hypotheses] == complete
        if len(hypotheses) == 3 and max(len(h.words) for h in hypotheses) < longest:
            complete = [h.words for h in hypotheses]
        for hypothesis in hypotheses:
            assert hypothesis.log_probs == decoder.log_probs(7, hypothesis.words)


@given(seeds, st.integers(1, 3))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_groups_without_a_penalty_equal_beams(seed: int, width: int) -> None:
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
    groups = search(decoder, pictures(1, 2), diverse)
    beams = search(decoder, pictures(1, 2), plain)
    assert all(same(*pair) for pair in zip(groups, beams, strict=True))


def diverse_by_loops(
    decoder: ScriptedDecoder, picture: int, groups: int, diversity_penalty: float, longest: int
) -> list[list[int]]:
    """Return the captions of groups of one hypothesis each."""
    words: list[list[int]] = [[] for _ in range(groups)]
    finished = [False] * groups
    for length in range(longest + 1):
        uses = torch.zeros(decoder.table.shape[1])
        for group in range(groups):
            if not finished[group]:
                scores = decoder.next(picture, words[group]) - diversity_penalty * uses
                scores[[PAD, START, UNK, *([END] if length == 0 else [])]] = -torch.inf
                word = END if length == longest else int(scores.argmax())
                if word == END:
                    finished[group] = True
                else:
                    words[group].append(word)
                    uses[word] += 1
    return words


@given(seeds, st.sampled_from([0.3, 1.0, 100.0]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_groups_avoid_words_of_earlier_groups_and_keep_true_log_probs(
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
    for name, hypotheses in zip((3, 8), search(decoder, pictures(3, 8), config), strict=True):
        expected = diverse_by_loops(decoder, name, 4, diversity_penalty, 6)
        assert {tuple(h.words) for h in hypotheses} == {tuple(words) for words in expected}
        means = [h.log_prob / len(h.log_probs) for h in hypotheses]
        assert means == pytest.approx(sorted(means, reverse=True), abs=1e-12)
        for hypothesis in hypotheses:
            assert hypothesis.log_probs == decoder.log_probs(name, hypothesis.words)


def test_each_group_s_best_comes_before_any_group_s_second() -> None:
    """The first group equals a beam of its width, whose second caption comes third or later."""
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
    beam = SearchConfig(search="beam", beam_size=2, n_best=2, min_words=3, max_words=8)
    second_is_better = 0
    for hypotheses, (best, second) in zip(
        search(decoder, names, diverse), search(decoder, names, beam), strict=True
    ):
        words = [hypothesis.words for hypothesis in hypotheses]
        assert words.index(best.words) < 2 <= words.index(second.words)
        means = [ranked(one.log_probs, "mean", 0.0) for one in (second, *hypotheses[:2])]
        second_is_better += means[0] > min(means[1:])
    assert second_is_better  # than the other group's best, so the order is not that of the scores


def test_length_normalisation_gives_longer_captions() -> None:
    decoder = ScriptedDecoder(vocabulary=12, seed=5)
    names = pictures(*range(40))
    mean_words = {
        length_norm: sum(
            len(best.words)
            for best, *_ in search(
                decoder, names, SearchConfig(search="beam", length_norm=length_norm)
            )
        )
        for length_norm in ("sum", "gnmt", "mean")
    }
    assert mean_words["sum"] < mean_words["gnmt"] < mean_words["mean"]


@given(seeds, st.integers(1, 12), st.integers(1, 3000))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_top_words_equal_a_full_sort(seed: int, count: int, words: int) -> None:
    logits = torch.randn(2, 1, 3, words + 8, generator=torch.Generator().manual_seed(seed))
    scores = logits[..., :words].masked_fill(logits[..., :words] < 0, NEVER)
    count = min(count, words)
    values, places = top_words(scores, count)
    assert values.equal(scores.sort(dim=-1, descending=True).values[..., :count])
    assert scores.gather(-1, places).equal(values)
    assert all(len(set(row)) == count for row in places.flatten(0, 2).tolist())
