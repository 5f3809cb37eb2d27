"""Self-critical training: baseline, sampling, gradient, and a reward that rises."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from jaxtyping import Float, Int

from tests.decoders.test_decoders import make
from tushuo.decoders import DECODERS
from tushuo.decoders.base import Decoder
from tushuo.text.vocabulary import END, START
from tushuo.training.self_critical import (
    MAX_WORDS,
    SelfCritical,
    leave_one_out_advantage,
    sample_captions,
)
from tushuo.training.token_sampling import SPECIAL_IDS, sample_words


@pytest.fixture(params=DECODERS)
def decoder(request: pytest.FixtureRequest) -> Decoder:
    return make(str(request.param), width=6, vocabulary=12)


def test_the_baseline_is_the_mean_reward_of_the_other_samples() -> None:
    rewards = torch.tensor([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0]])
    expected = torch.tensor([[1 - 4, 2 - 3.5, 6 - 1.5], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(leave_one_out_advantage(rewards), expected)


def test_words_are_sampled_with_their_probabilities() -> None:
    torch.manual_seed(0)
    row = torch.tensor([0.0, 0.1, 0.0, 0.6, 0.3, 0.0])
    counts = torch.bincount(sample_words(row.expand(20_000, 6)), minlength=6)
    assert counts[row == 0].sum() == 0
    torch.testing.assert_close(counts / 20_000, row, atol=0.015, rtol=0)


def test_sampled_captions_end_once_and_follow_the_probabilities(decoder: Decoder) -> None:
    decoder.train()
    regions = torch.rand(1, 4, 6)
    sampled = sample_captions(decoder, regions, 2000)
    assert decoder.training
    assert len(sampled) == 2000
    for ids in sampled:
        assert not set(ids) & set(SPECIAL_IDS)
        assert END not in ids[:-1]
        assert ids[-1] == END or len(ids) == MAX_WORDS
    decoder.eval()
    first = decoder.step(torch.tensor([START]), decoder.start(regions)).log_probs[0].exp().detach()
    first[SPECIAL_IDS] = 0
    counts = torch.bincount(torch.tensor([ids[0] for ids in sampled]), minlength=12) / 2000
    torch.testing.assert_close(counts, first / first.sum(), atol=0.04, rtol=0)


def test_the_gradient_equals_the_formula(decoder: Decoder) -> None:
    """Packed captions give the sum of advantage times log-probability of chained steps."""
    decoder.eval().double()  # without dropout both compute the same function
    regions = torch.rand(2, 4, 6, dtype=torch.float64)
    rewards = np.array([0.5, 2.0, 1.0, 0.0])

    def reward(
        pictures: Int[np.ndarray, " B"], captions: Sequence[Sequence[int]]
    ) -> Float[np.ndarray, " B"]:
        assert pictures.tolist() == [7, 7, 3, 3]
        sampled.extend(map(list, captions))
        return rewards

    sampled: list[list[int]] = []
    torch.manual_seed(1)
    outcome = SelfCritical(decoder, reward, 2)(decoder, [7, 3], regions)
    assert (outcome.reported, outcome.count) == (3.5, 4)
    outcome.loss.backward()
    packed = [weight.grad.clone() for weight in decoder.parameters() if weight.grad is not None]
    decoder.zero_grad()
    total = torch.zeros(())
    for n, (ids, advantage) in enumerate(zip(sampled, [-1.5, 1.5, 1.0, -1.0], strict=True)):
        state, word = decoder.start(regions[n // 2 : n // 2 + 1]), START
        for next_word in ids:
            step = decoder.step(torch.tensor([word]), state)
            logits = step.log_probs.index_fill(1, torch.tensor(SPECIAL_IDS), -torch.inf)
            total = total - advantage * logits.log_softmax(-1)[0, next_word]
            state, word = step.state, next_word
    total.backward()
    chained = [weight.grad for weight in decoder.parameters() if weight.grad is not None]
    for gradient, expected in zip(packed, chained, strict=True):
        torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("bf16", [False, True])
def test_the_reward_rises(bf16: bool) -> None:
    """The reward is the share of word 7; bfloat16's cached weights must not lose the gradient."""
    decoder = make("show_attend_gru", width=6, vocabulary=12).train()
    regions = torch.rand(4, 4, 6)

    def reward(
        pictures: Int[np.ndarray, " B"], captions: Sequence[Sequence[int]]
    ) -> Float[np.ndarray, " B"]:
        return np.array([ids.count(7) / len(ids) for ids in captions])

    objective = SelfCritical(decoder, reward, 5)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-2)
    means = []
    for _ in range(25):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            outcome = objective(decoder, [0, 1, 2, 3], regions)
        (outcome.loss / outcome.count).backward()
        optimizer.step()
        optimizer.zero_grad()
        means.append(outcome.reported / outcome.count)
    assert means[0] < 0.4
    assert np.mean(means[-5:]) > 0.7
