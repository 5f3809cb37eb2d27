"""Deep grey values are scaled by their range, or refused."""

import numpy as np
import pytest
from PIL import Image

from tushuo.errors import PictureError
from tushuo.pictures.deep_grey import scale_to_8_bits
from tushuo.pictures.pixels import to_pixels

GREY = np.random.default_rng(0).integers(0, 256, (12, 18), dtype=np.uint8)
GREY[0, :2] = 0, 255


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16, 24, 31, 32])
def test_integers_have_the_smallest_depth_that_holds_them(bits: int) -> None:
    deep = np.rint(GREY / 255 * (2**bits - 1)).astype(np.int64)
    np.testing.assert_array_equal(scale_to_8_bits(deep), GREY)
    assert scale_to_8_bits(np.full((1, 1), 2**bits - 1))[0, 0] == 255


@pytest.mark.parametrize("top", [1, 255, 65535])
def test_floats_have_the_first_range_that_holds_them(top: int) -> None:
    np.testing.assert_array_equal(scale_to_8_bits(GREY / np.float32(255) * top), GREY)


@pytest.mark.parametrize("filter", [Image.Resampling.LANCZOS, Image.Resampling.BICUBIC])
@pytest.mark.parametrize("top", [1, 255, 65535])
def test_the_overshoot_of_a_filter_is_clipped(filter: Image.Resampling, top: int) -> None:
    edge = np.repeat(np.array([0, 255] * 4, np.uint8), 8)[None].repeat(8, 0)
    expected = to_pixels(Image.fromarray(edge).resize((99, 8), filter))[..., 0]
    deep = Image.fromarray(edge / np.float32(255) * top).resize((99, 8), filter)
    assert deep.getextrema()[1] > top
    assert np.abs(to_pixels(deep)[..., 0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 1), (-128, 127), (0, 1e6), (0, np.nan), (0, np.inf), (-np.inf, 1)]
)
def test_floats_of_no_known_range_are_refused(low: float, high: float) -> None:
    image = Image.fromarray(np.array([[low, high]], np.float32))
    with pytest.raises(PictureError, match=r"a deep picture has values from .*scale them"):
        to_pixels(image)


def test_negative_integers_are_refused() -> None:
    with pytest.raises(PictureError, match="from -5 to 300; expected integers from 0"):
        to_pixels(Image.fromarray(np.array([[-5, 300]], np.int32)))
