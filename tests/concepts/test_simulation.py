"""Simulated evidence has the statistics of real evidence."""

import numpy as np
import pytest

from tushuo.concepts.saved_evidence import SavedEvidence
from tushuo.concepts.simulation import EXACT, EXACT_SHARE, EvidenceSimulator

PICTURES, WORDS = 4000, 5
GENERATOR = np.random.default_rng(0)
SHARES = np.array([0.5, 0.2, 0.05, 0.01, 0.0])
PRESENT = GENERATOR.random((PICTURES, WORDS)) < SHARES
SEPARATION = np.array([4.0, 3.0, 2.0, 1.0, 9.0])
COMMON = GENERATOR.normal(size=(PICTURES, 1))  # an error of all words together
EVIDENCE = (PRESENT * SEPARATION + COMMON - 1).astype(np.float32)
OF_CLASS = np.array([True, True, False, False, True])


@pytest.fixture(scope="module")
def simulator() -> EvidenceSimulator:
    ids = [str(number) for number in range(PICTURES)]
    return EvidenceSimulator(
        SavedEvidence(image_ids=ids, evidence=EVIDENCE, present=PRESENT), OF_CLASS
    )


def test_the_separation_is_measured_and_shrunk(simulator: EvidenceSimulator) -> None:
    counts = PRESENT.sum(0)
    usual = np.average(SEPARATION[:2], weights=np.sqrt(counts[:2]))
    expected = (SEPARATION * counts + usual * 15) / (counts + 15)
    np.testing.assert_allclose(simulator.separation[:4], expected[:4], rtol=0.1)
    assert simulator.separation[4] == pytest.approx(usual, rel=0.05)


def test_half_of_the_evidence_is_exact(simulator: EvidenceSimulator) -> None:
    drawn = simulator.draw(PRESENT, np.random.default_rng(1))
    exact = (abs(drawn) == EXACT).all(axis=1)
    assert exact.mean() == pytest.approx(EXACT_SHARE, abs=0.05)
    np.testing.assert_array_equal(drawn[exact] > 0, PRESENT[exact])


def test_the_other_half_is_that_of_real_pictures(simulator: EvidenceSimulator) -> None:
    drawn = simulator.draw(PRESENT, np.random.default_rng(1))
    noisy = (abs(drawn) != EXACT).any(axis=1)
    present, drawn = PRESENT[noisy], drawn[noisy]
    absent, real = ~present[:, 0], ~PRESENT[:, 0]
    assert drawn[absent, 0].mean() == pytest.approx(EVIDENCE[real, 0].mean(), abs=0.15)
    assert drawn[absent, 0].std() == pytest.approx(1, abs=0.1)
    found = drawn[~absent, 0].mean() - drawn[absent, 0].mean()
    assert found == pytest.approx(4 * 0.8, abs=0.2)  # the mean factor is 0.8
    nothing = simulator.draw(np.zeros_like(PRESENT), np.random.default_rng(2))
    nothing = nothing[(nothing != -EXACT).any(axis=1)]
    assert np.corrcoef(nothing.T)[0, 1] > 0.95  # words err together


def test_base_is_the_log_odds_among_pictures(simulator: EvidenceSimulator) -> None:
    assert simulator.base[0] == pytest.approx(0, abs=0.1)
    assert simulator.base[4] == pytest.approx(-np.log(2 * (PICTURES + 0.5)), abs=0.01)
