"""Figures: any length, any shape."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tushuo.report.attention_panels import draw_attention_panels


@pytest.mark.parametrize("words", [0, 1, 2, 3, 5, 16, 40])
@pytest.mark.parametrize("shape", [(300, 100), (100, 300)])
def test_panels(words: int, shape: tuple[int, int], tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (*shape, 3)).astype(np.uint8)
    attention = np.random.default_rng(1).random((words, 9, 9)).astype(np.float32)
    draw_attention_panels(picture, ["word"] * words, attention, tmp_path / "p.png", title="a")
    assert min(Image.open(tmp_path / "p.png").size) > 100
