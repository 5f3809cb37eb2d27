"""Figures: any length, any shape."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tushuo.report.attention_panels import draw_attention_panels
from tushuo.report.loss_curve import draw_loss_curve
from tushuo.train.checkpoint import EpochRow


@pytest.mark.parametrize("words", [0, 1, 2, 3, 5, 16, 40])
@pytest.mark.parametrize("shape", [(300, 100), (100, 300)])
def test_panels(words: int, shape: tuple[int, int], tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (*shape, 3)).astype(np.uint8)
    attention = np.random.default_rng(1).random((words, 9, 9)).astype(np.float32)
    draw_attention_panels(picture, ["word"] * words, attention, tmp_path / "p.png", title="a")
    assert min(Image.open(tmp_path / "p.png").size) > 100


def test_a_loss_curve_with_scores_and_without_a_training_loss(tmp_path: Path) -> None:
    rows = [EpochRow(n, None, 3.0 + n / 10, 1.0, 0.5 + n / 50, 0.4 + n / 9) for n in range(1, 5)]
    draw_loss_curve(rows, tmp_path / "loss.png")
    assert Image.open(tmp_path / "loss.png").size == (910, 546)
