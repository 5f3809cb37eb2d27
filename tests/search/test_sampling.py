"""Sampling: the distribution, and its reproducibility."""

import math
from dataclasses import replace
from itertools import chain

import pytest
import torch

from tests.search.scripted import ScriptedDecoder, pictures
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.search.sampling import draw, picture_fingerprint, uniforms, warp_logits
from tushuo.text.vocabulary import END

LOG_PROBS = torch.tensor([[0.4, 0.3, 0.15, 0.1, 0.05]], dtype=torch.float64).log()


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, [0.4, 0.3, 0.15, 0.1, 0.05]),
        ({"top_k": 2}, [0.4, 0.3, 0, 0, 0]),
        ({"top_k": 9}, [0.4, 0.3, 0.15, 0.1, 0.05]),
        ({"top_p": 0.39}, [0.4, 0, 0, 0, 0]),
        ({"top_p": 0.5}, [0.4, 0.3, 0, 0, 0]),
        ({"top_p": 0.8}, [0.4, 0.3, 0.15, 0, 0]),
        ({"top_k": 3, "top_p": 0.81}, [0.4, 0.3, 0, 0, 0]),  # 0.7 / 0.85 is 0.82
        ({"temperature": 0.5}, [0.16, 0.09, 0.0225, 0.01, 0.0025]),
    ],
)
def test_the_distribution_is_warped(settings: dict[str, float], kept: list[float]) -> None:
    """Against values by hand; also with the words in another order."""
    expected = torch.tensor(kept, dtype=torch.float64) / sum(kept)
    order = torch.tensor([3, 0, 4, 1, 2])
    config = SearchConfig(search="sample", **settings)
    torch.testing.assert_close(warp_logits(LOG_PROBS, config).softmax(1)[0], expected)
    torch.testing.assert_close(
        warp_logits(LOG_PROBS[:, order], config).softmax(1)[0], expected[order]
    )


def test_draws_follow_the_distribution() -> None:
    """Chi-square with three degrees of freedom, below its 99.9 % point."""
    config = SearchConfig(search="sample", top_k=4)
    scores, count = warp_logits(LOG_PROBS, config), 50_000
    drawn = draw(scores.expand(count, -1), uniforms(torch.arange(count), 3))
    counts = drawn.bincount(minlength=5).double()
    expected = scores.softmax(1)[0].double() * count
    assert counts[4] == 0
    assert ((counts - expected)[:4] ** 2 / expected[:4]).sum() < 16.3


def test_random_numbers_are_uniform_and_uncorrelated() -> None:
    numbers = torch.stack([uniforms(torch.arange(20_000), step) for step in range(3)])
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert numbers.mean(1).tolist() == pytest.approx([0.5] * 3, abs=0.01)
    assert (numbers * 10).long().flatten().bincount().min() > 5_700  # of 6,000
    neighbours = torch.cat([numbers, numbers.roll(1, 1)])
    assert (neighbours.corrcoef() - torch.eye(6)).abs().max() < 0.03


def test_captions_are_sampled_as_often_as_they_are_probable() -> None:
    decoder = ScriptedDecoder(vocabulary=6, seed=2)
    config = SearchConfig(search="sample", n_best=1000, max_words=2, allow_unk=True)
    searches = [search(decoder, pictures(1), replace(config, seed=seed))[0] for seed in range(20)]
    samples = list(chain.from_iterable(searches))
    original = decoder.table.clone()
    decoder.table[:, :2] = -math.inf  # special tokens are excluded from the distribution
    decoder.table[:] = decoder.table.log_softmax(-1)
    not_empty = 1 - decoder.next(1, [])[END].exp().item()
    for words in ([4], [3], [4, 5], [5, 4]):
        log_probs = decoder.log_probs(1, words)
        probability = math.exp(sum(log_probs[:2])) / not_empty  # after two words it ends
        count = sum(sample.words == words for sample in samples)
        deviation = math.sqrt(20_000 * probability * (1 - probability))
        assert abs(count - 20_000 * probability) < 4 * deviation
    decoder.table[:] = original
    assert samples[0].log_probs == decoder.log_probs(1, samples[0].words)  # of the whole vocabulary


def test_equal_seeds_give_equal_samples_whatever_the_batch() -> None:
    decoder = ScriptedDecoder(vocabulary=40, sharpness=1.0)
    config = SearchConfig(search="sample", n_best=4, seed=5)

    def captions(*names: int, config: SearchConfig = config) -> list[list[list[int]]]:
        results = search(decoder, pictures(*names), config)
        return [[sample.words for sample in samples] for samples in results]

    single = captions(7)[0]
    assert captions(1, 7, 2)[1] == captions(7, 7, 8, 9)[0] == single
    assert len({tuple(words) for words in single}) == 4
    assert captions(7, config=SearchConfig(search="sample", n_best=2, seed=5))[0] == single[:2]
    assert captions(7, config=SearchConfig(search="sample", n_best=4, seed=6))[0] != single


def test_fingerprints_differ_between_pictures_and_ignore_the_last_bits() -> None:
    regions = torch.rand(200, 81, 64, generator=torch.Generator().manual_seed(0))
    assert len(picture_fingerprint(regions).unique()) > 150
    perturbed = regions * (1 + 1e-6 * torch.randn(regions.shape))
    assert (picture_fingerprint(perturbed) == picture_fingerprint(regions)).float().mean() > 0.99
