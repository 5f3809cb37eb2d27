"""TIFF of more than 8 bits per channel, as any number type and in any storage."""

import numpy as np
import pytest

from tests.pictures.builders import tiff
from tushuo.errors import PictureError
from tushuo.pictures.deep_tiff import decode_deep_tiff
from tushuo.pictures.opening import open_picture
from tushuo.pictures.tiff import read_directory

RGB = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
RGB[0, 0], RGB[0, 1] = 255, 0
GREY, OPAQUE = RGB[..., :1], np.full((9, 13, 1), 255, np.uint8)
TOPS = {"u2": 65535, "i2": 32767, "u4": 2**32 - 1, "f2": 1, "f4": 1, "f8": 1}
STORED = [{}, {"planar": True}, {"deflate": True}, {"rows_per_strip": 2},
          {"planar": True, "deflate": True, "rows_per_strip": 4}]  # fmt: skip


def samples(pixels: np.ndarray, dtype: str, top: float | None = None) -> np.ndarray:
    top = top or TOPS[dtype[-2:]]
    values = pixels / 255 * top
    return (np.rint(values) if top > 1 else values).astype(dtype)


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i2", "<u4", "<f2", ">f4", "<f8"])
def test_numbers_and_storage(dtype: str, stored: dict[str, object]) -> None:
    for pixels, photometric in ((RGB, 2), (GREY, 1), (255 - GREY, 0), (255 - RGB, None)):
        if photometric is None:  # CMYK
            pixels, photometric = np.dstack([pixels, OPAQUE - 255]), 5
        content = tiff(samples(pixels, dtype), photometric=photometric, **stored)
        expected = {2: RGB, 5: RGB}.get(photometric, GREY)
        assert np.abs(open_picture(content).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("top", [2**10 - 1, 2**12 - 1, 2**14 - 1])
def test_fewer_bits_than_the_type_has(top: int) -> None:
    content = tiff(samples(RGB, "<u2", top))
    assert np.abs(open_picture(content).astype(int) - RGB).max() <= 1


@pytest.mark.parametrize("extra", [None, 1, 2])
def test_alpha(extra: int | None) -> None:
    tags = {} if extra is None else {338: (3, [extra])}
    clear = np.dstack([RGB, np.zeros_like(OPAQUE)])
    for pixels, expected in ((np.dstack([RGB, OPAQUE]), RGB), (clear, 255)):
        found = open_picture(tiff(samples(pixels, "<u2"), extra=tags)).astype(int)
        assert np.abs(found - expected).max() <= 1
    grey = np.dstack([GREY, OPAQUE])
    found = open_picture(tiff(samples(grey, "<u2"), photometric=1, extra=tags)).astype(int)
    assert np.abs(found - GREY).max() <= 1


def test_premultiplied_alpha_is_divided_out() -> None:
    half = np.full((4, 5, 4), 0x8000, np.uint16)
    half[..., 1:3] = 0
    half[0, 0] = 65535
    red = open_picture(tiff(half, extra={338: (3, [1])}))[2, 2]
    assert np.abs(red.astype(int) - [255, 127, 127]).max() <= 1


def test_channels_that_are_no_alpha_are_passed_over() -> None:
    five = samples(np.dstack([RGB, GREY, GREY]), "<u2")
    content = tiff(five, extra={338: (3, [0, 0])})
    assert np.abs(open_picture(content).astype(int) - RGB).max() <= 1


def test_orientation_is_applied() -> None:
    content = tiff(samples(RGB, "<u2"), extra={274: (3, [6])})
    assert np.abs(open_picture(content).astype(int) - np.rot90(RGB, -1)).max() <= 1


def test_missing_strips_are_damage() -> None:
    content = tiff(samples(RGB, "<f4"))
    directory = read_directory(content)
    assert directory is not None
    assert decode_deep_tiff(content, directory) is not None
    missing = tiff(samples(RGB, "<f4"), extra={273: (4, [len(content)])})
    with pytest.raises(PictureError, match=r"damaged TIFF, or of a kind that is not read \(3 x 32"):
        open_picture(missing)
    bad = tiff(samples(RGB, "<f4"), deflate=True, extra={273: (4, [9])})
    with pytest.raises(PictureError, match="damaged TIFF"):
        open_picture(bad)


def test_values_without_a_known_range_are_refused() -> None:
    with pytest.raises(PictureError, match="a deep picture has values from -1 to 1; expected"):
        open_picture(tiff(samples(RGB, "<f4") * 2 - 1))


@pytest.mark.parametrize(
    "content",
    [
        tiff(RGB),
        tiff(samples(RGB, "<u2"), extra={317: (3, [2])}),
        tiff(samples(RGB, "<u2"), extra={259: (3, [5])}),
        tiff(samples(RGB, "<u2"), extra={262: (3, [8])}),
        tiff(samples(RGB, "<u2"), extra={256: (4, [2**31]), 257: (4, [2**31])}),
        tiff(samples(RGB, "<u2"), extra={258: (3, [16, 8, 16])}),
    ],
)
def test_other_kinds_are_left_to_pillow(content: bytes) -> None:
    directory = read_directory(content)
    assert directory is not None
    assert decode_deep_tiff(content, directory) is None
