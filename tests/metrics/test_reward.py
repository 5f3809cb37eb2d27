"""The reward is the metrics' own score, however its captions come."""

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tushuo.metrics.bleu import Bleu
from tushuo.metrics.cider import Cider
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.reward import Reward

caption = st.lists(st.integers(2, 6), max_size=8)
picture = st.lists(caption, min_size=1, max_size=4)


def by_metrics(references: Any, said: Any) -> tuple[np.ndarray, np.ndarray]:
    """Score one caption for each picture, as the metrics do."""
    corpus = Corpus(
        [[str(word) for word in ids] for ids in said],
        [[[str(word) for word in ids] for ids in of] for of in references],
    )
    bleu = Bleu()
    return Cider().statistics(corpus)[:, 0], bleu.scores(bleu.statistics(corpus))[:, -1]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(picture, caption, caption), min_size=1, max_size=5), st.randoms())
def test_equal_to_the_metrics(pictures: list[Any], draw: Any) -> None:
    references = [of for of, _, _ in pictures]
    rows = [(n, which) for n in range(len(pictures)) for which in (1, 2)]
    draw.shuffle(rows)
    places = np.array([n for n, _ in rows])
    said = [pictures[n][which] for n, which in rows]
    cider, mixed = (Reward(references, bleu=weight)(places, said) for weight in (0.0, 0.5))
    for which in (1, 2):
        wanted, bleu = by_metrics(references, [pictures[n][which] for n in range(len(pictures))])
        for row, (n, of) in enumerate(rows):
            if of == which:
                assert cider[row] == pytest.approx(wanted[n], abs=1e-9)
                assert mixed[row] == pytest.approx(wanted[n] + 0.5 * bleu[n], abs=1e-9)


def test_the_end_token_pays() -> None:
    end = 1
    references = [[[5, 6, 7, end], [5, 6, 8, end]], [[9, 10, end]]]
    finished, broken = Reward(references)(np.array([0, 0]), [[5, 6, 7, end], [5, 6, 7, 2]])
    assert finished > broken


def test_fast_enough_for_every_step() -> None:
    draw = np.random.default_rng(0)

    def some(count: int) -> list[list[int]]:
        return [(draw.zipf(1.3, size=draw.integers(8, 15)) % 3000).tolist() for _ in range(count)]

    reward = Reward([some(5) for _ in range(2000)])
    pictures, said = np.repeat(draw.integers(2000, size=64), 5), some(320)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        reward(pictures, said)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.05  # the goal of 10 ms is measured in benchmarks/, on an idle machine
