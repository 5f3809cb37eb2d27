"""Figures: any length, any shape."""

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tushuo.captioning.caption import Caption
from tushuo.encoders.spec import FieldOfView
from tushuo.report.attention_gif import write_attention_gif
from tushuo.report.attention_overlay import SHADE, darkness
from tushuo.report.attention_panels import _columns, draw_attention_panels
from tushuo.report.fonts import chinese_font, drawable
from tushuo.training.checkpoint import EpochRow
from tushuo.training.loss_curve import _label_best, draw_loss_curve


def caption(words: Sequence[str], attention: np.ndarray) -> Caption:
    return Caption(text=" ".join(words), words=tuple(words), attention=attention)


@pytest.mark.parametrize("words", [0, 1, 2, 3, 5, 16, 40])
@pytest.mark.parametrize("shape", [(300, 100), (100, 300)])
def test_panels(words: int, shape: tuple[int, int], tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (*shape, 3)).astype(np.uint8)
    attention = np.random.default_rng(1).random((words, 9, 9)).astype(np.float32)
    path = tmp_path / "p.png"
    draw_attention_panels(
        picture, ["word"] * words, attention, path, field_of_view=FieldOfView(), title="a"
    )
    assert min(Image.open(tmp_path / "p.png").size) > 100


@pytest.mark.parametrize(("panels", "columns"), [(1, 1), (3, 3), (7, 4), (11, 6), (12, 6), (15, 5)])
def test_the_last_row_of_panels_is_filled_where_it_can_be(panels: int, columns: int) -> None:
    assert _columns(panels, 1.0) == columns


def test_darkness_is_smooth_and_least_where_the_word_looked() -> None:
    looked = np.zeros((9, 9), np.float32)
    looked[2, 7] = 1
    dark = darkness(looked, (180, 90), FieldOfView())
    row, column = np.unravel_index(dark.argmin(), dark.shape)
    assert (row // 10, column // 20) == (2, 7)
    assert dark.min() == pytest.approx(0, abs=0.05)
    assert abs(np.diff(dark, axis=0)).max() < 0.3
    even = darkness(np.full((9, 9), 1 / 81, np.float32), (180, 90), FieldOfView())
    assert even.max() == even.min()


def test_what_a_cropping_encoder_does_not_read_stays_dark() -> None:
    cropping = FieldOfView(crop=224 / 256)
    assert cropping.box(512, 256) == (144, 16, 368, 240)
    dark = darkness(np.eye(9, dtype=np.float32), (512, 256), cropping)
    assert (dark[:, :144] == SHADE).all()
    assert dark[20, 148] < 0.1
    assert FieldOfView().box(512, 256) == (0, 0, 512, 256)


@pytest.mark.parametrize("words", [["a", "dog", "<b>"], [], ["一只", "狗"], ["word"] * 12])
def test_an_animation_has_a_frame_a_word(words: list[str], tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (60, 200, 3)).astype(np.uint8)
    attention = np.random.default_rng(1).random((len(words), 9, 9)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where no font with Chinese characters is installed
        write_attention_gif(tmp_path / "a.gif", picture, caption(words, attention))
    with Image.open(tmp_path / "a.gif") as made:
        assert (made.n_frames, made.width) == (len(words) + 1, 480)
        assert made.info["loop"] == 0 or not words


def test_without_a_chinese_font_words_are_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tushuo.report.fonts._installed", lambda: None)
    picture, attention = np.zeros((60, 200, 3), np.uint8), np.ones((3, 9, 9), np.float32)
    drawn = []
    for words in (["一只", "café", "狗"], ["1", "café", "3"]):
        needs = words[0] == "一只"
        with pytest.warns(match="words are drawn as numbers") if needs else nullcontext():
            write_attention_gif(tmp_path / "a.gif", picture, caption(words, attention))
        drawn.append((tmp_path / "a.gif").read_bytes())
    assert drawn[0] == drawn[1]
    assert chinese_font(["café", "naïve"]) is None
    assert drawable(["狗", "dog"], "SimHei") == ["狗", "dog"]


def test_a_loss_curve_with_scores_and_without_a_training_loss(tmp_path: Path) -> None:
    rows = [EpochRow(n, None, 3.0 + n / 10, 1.0, 0.5 + n / 50, 0.4 + n / 9) for n in range(1, 5)]
    draw_loss_curve(rows, tmp_path / "loss.png")
    assert Image.open(tmp_path / "loss.png").size == (910, 546)


@pytest.mark.parametrize("best", [1, 2, 3])
def test_the_best_epoch_is_named_within_the_axes(best: int) -> None:
    axes = Figure(figsize=(7, 4.2), dpi=130).add_subplot()
    axes.plot([1, 2, 3], [0.1, 0.1, 0.1])
    _label_best(axes, best, 0.1, "black", last=3)
    axes.figure.draw_without_rendering()
    named, inside = axes.texts[0].get_window_extent(), axes.get_window_extent()
    assert inside.x0 < named.x0
    assert named.x1 < inside.x1
