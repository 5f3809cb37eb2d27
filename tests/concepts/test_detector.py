"""Evidence for words from regions."""

import math

import pytest
import torch

from tushuo.concepts.class_words import CLASSES
from tushuo.concepts.detector import (
    GRID,
    ConceptDetector,
    aggregate,
    coarse_regions,
    fine_cells,
)

WIDTH, ROWS, COLUMNS = 6, 10, 10


@pytest.fixture
def detector() -> ConceptDetector:
    """Three words: one of class 0, one of class 0 and 1 with a detector, one with a detector."""
    torch.manual_seed(0)
    detector = ConceptDetector(width=WIDTH, words=3, learned=2)
    detector.listed[0, :2] = 1
    detector.listed[1, 1] = 1
    detector.learned.copy_(torch.tensor([1, 2]))
    detector.counts.copy_(torch.tensor([0.0, 150.0, 1e9]))
    detector.base.copy_(torch.tensor([-1.0, -2.0]))
    for weight in (detector.pooled, detector.regional):
        weight.data.normal_(std=0.3)
    return detector.requires_grad_(False).double()


def test_evidence_is_the_sum_of_both_sources(detector: ConceptDetector) -> None:
    regions = torch.randn(2, ROWS * COLUMNS, WIDTH, dtype=torch.float64)
    log_ratios = detector(regions, ROWS, COLUMNS).log_ratios
    scores, _ = detector.class_scores(regions)
    pooled, regional = detector.detect(coarse_regions(regions, ROWS, COLUMNS))
    detected = (aggregate(pooled, regional) - detector.base).clamp(-12, 12)
    classified = scores.clamp(-12, 12)
    clearly = 0.1 * (classified - 3).clamp_min(0)
    torch.testing.assert_close(log_ratios[:, 0], (0.28 * classified + clearly)[:, 0] - 0.43)
    both = 0.11 * classified[:, 1] + clearly[:, 1] + (0.67 + 0.43 / 2) * detected[:, 0] - 0.43
    torch.testing.assert_close(log_ratios[:, 1], both)
    learned = (0.67 + 0.43) * detected[:, 1] - 0.43
    torch.testing.assert_close(log_ratios[:, 2], learned, rtol=1e-6, atol=1e-6)


def test_a_class_seen_in_one_region_is_found_there(detector: ConceptDetector) -> None:
    regions = torch.zeros(1, ROWS * COLUMNS, WIDTH, dtype=torch.float64)
    regions[0, 37] = detector.classifier.weight[0] * 50
    evidence = detector(regions, ROWS, COLUMNS)
    assert evidence.cells[0, 0] == 37
    assert evidence.log_ratios[0, 0] > detector(regions * 0, ROWS, COLUMNS).log_ratios[0, 0]


def test_regions_are_averaged_over_a_coarse_grid() -> None:
    regions = torch.arange(100.0).reshape(1, 100, 1)
    coarse = coarse_regions(regions, 10, 10)
    assert coarse.shape == (1, GRID * GRID, 1)
    assert coarse[0, 0] == (0 + 1 + 10 + 11) / 4
    assert coarse_regions(torch.ones(1, 81, 2), 9, 9).eq(1).all()


@pytest.mark.parametrize(("rows", "columns"), [(10, 10), (9, 9), (5, 5), (7, 12), (1, 1)])
def test_fine_cells_lie_at_the_centre_of_coarse_ones(rows: int, columns: int) -> None:
    regional = torch.eye(GRID * GRID).reshape(GRID * GRID, GRID * GRID, 1)
    for best, cell in enumerate(fine_cells(regional, rows, columns)[:, 0].tolist()):
        row, column = divmod(cell, columns)
        assert row / rows <= (best // GRID + 0.5) / GRID < (row + 1) / rows
        assert column / columns <= (best % GRID + 0.5) / GRID < (column + 1) / columns


def test_equal_regions_aggregate_to_their_logit() -> None:
    regional = torch.full((1, 25, 1), 0.7)
    assert aggregate(torch.tensor([[0.2]]), regional).item() == pytest.approx(0.9)
    assert CLASSES == 1000
    assert math.isfinite(aggregate(torch.zeros(1, 1), torch.full((1, 25, 1), -1e4)).item())
