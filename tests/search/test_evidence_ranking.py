"""Captions of a beam are ranked by the evidence for their words, too."""

import pytest
import torch

from tushuo.errors import SettingError
from tushuo.search.config import SearchConfig
from tushuo.search.evidence_ranking import rank_by_evidence
from tushuo.search.hypothesis import Hypothesis

NO_MAPS = torch.zeros(2, 0)
FIRST = Hypothesis([5, 6], [-1.0, -1.0, -1.0], NO_MAPS)
SECOND = Hypothesis([7, 8], [-2.0, -2.0, -2.0], NO_MAPS)


def rank(weight: float, n_best: int = 2, length_norm: str = "mean") -> list[Hypothesis]:
    """Rank two captions, of which the second has 4 nats of evidence."""
    config = SearchConfig(
        search="beam", evidence_weight=weight, n_best=n_best, length_norm=length_norm
    )
    asked: list[int] = []

    def support(picture: int, words: list[int]) -> float:
        asked.append(picture)
        return 4.0 if words == SECOND.words else 0.0

    (ranked,) = rank_by_evidence([[FIRST, SECOND]], support, config)
    assert set(asked) == {0}
    return ranked


def test_evidence_outweighs_probability_from_some_weight_on() -> None:
    assert rank(0.24) == [FIRST, SECOND]  # 4 * 0.24 is less than the difference of the means, 1
    assert rank(0.26) == [SECOND, FIRST]
    assert rank(0.26, n_best=1) == [SECOND]
    assert rank(0.26, length_norm="sum") == [FIRST, SECOND]  # the sums differ by 3


def test_equal_captions_keep_their_order() -> None:
    config = SearchConfig(search="beam", evidence_weight=1.0, n_best=2)
    ranked = rank_by_evidence([[FIRST, FIRST], [SECOND]], lambda picture, words: 0.0, config)
    assert ranked[0][0] is FIRST
    assert ranked[1] == [SECOND]


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(SettingError, match=r"evidence-weight was -1.*at least 0"):
        SearchConfig(evidence_weight=-1.0)


def test_the_weight_is_signed_only_where_it_counts() -> None:
    assert "evidence_weight=0.1" in SearchConfig(search="beam", evidence_weight=0.1).signature
    assert "evidence" not in SearchConfig(search="beam").signature
    assert "evidence" not in SearchConfig(search="greedy", evidence_weight=0.1).signature
