"""16-bit colour whose values use fewer bits is scaled by the depth that they need."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.pictures.builders import chunk, png, tiff
from tushuo.pictures.deep_colour import load_deep, scale_channels
from tushuo.pictures.opening import open_picture

RGB = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
RGB[0, 0] = 255
OPAQUE = np.full((9, 13, 1), 255, np.uint8)
GREY = np.repeat(RGB[..., :1], 3, axis=2)


def deep(pixels: np.ndarray, bits: int) -> np.ndarray:
    return np.rint(pixels / 255 * (2**bits - 1)).astype(np.uint16)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("alpha_bits", [None, 0, 16])  # none, as the colours, all
@pytest.mark.parametrize("pixels", [RGB, GREY[..., :1]], ids=["RGB", "grey"])
def test_png(bits: int, alpha_bits: int | None, pixels: np.ndarray) -> None:
    samples = deep(pixels, bits)
    if alpha_bits is not None:
        samples = np.dstack([samples, deep(OPAQUE, alpha_bits or bits)])
    found = open_picture(png(samples)).astype(int)
    assert np.abs(found - pixels).max() <= 1


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_tiff_that_libtiff_decompresses(compression: str) -> None:
    file = io.BytesIO()
    with Image.open(io.BytesIO(tiff(deep(RGB, 12)))) as image:
        assert load_deep(image, lambda: Image.open(io.BytesIO(tiff(deep(RGB, 12))))).size == (13, 9)
    Image.fromarray(RGB).save(file, "TIFF", compression=compression)
    np.testing.assert_array_equal(open_picture(file.getvalue()), RGB)


def test_both_bytes_of_each_value_are_used() -> None:
    content = png(deep(RGB, 12))

    def reopen() -> Image.Image:
        return Image.open(io.BytesIO(content))

    image = load_deep(reopen(), reopen)
    assert np.abs(np.asarray(image).astype(int) - RGB).max() <= 1
    assert np.asarray(reopen()).max() < 16  # Pillow alone


def test_dark_pictures_of_8_bits_stay_dark() -> None:
    dark = RGB // 64
    np.testing.assert_array_equal(open_picture(png(dark)), dark)


def test_half_transparent_pixels_lie_on_white() -> None:
    samples = np.dstack([deep(np.zeros_like(RGB), 16), np.full((9, 13, 1), 0x8000, np.uint16)])
    samples[0, 0] = 0xFFFF
    assert open_picture(png(samples))[5, 5].tolist() == [127] * 3


@pytest.mark.parametrize("channels", [1, 3])
def test_the_transparent_colour_of_16_bits(channels: int) -> None:
    samples = deep(RGB, 16)[..., :channels]
    samples[:4] = 1001
    keyed = png(samples, extra=chunk(b"tRNS", samples[0, 0].astype(">u2").tobytes()))
    found = open_picture(keyed).astype(int)
    assert (found[:4] == 255).all()
    assert np.abs(found[4:] - (RGB if channels == 3 else GREY)[4:]).max() <= 1


def test_alpha_may_have_a_larger_range_than_colours() -> None:
    values = np.array([[[4095, 0, 0, 65535]]], np.uint16)
    assert scale_channels(values, 3).tolist() == [[[255, 0, 0, 255]]]
    values = np.array([[[4095, 0, 0, 2048]]], np.uint16)
    assert scale_channels(values, 3).tolist() == [[[255, 0, 0, 128]]]
    values = np.array([[[0.5, 0, 1, 0.5]]], np.float32)
    assert scale_channels(values, 3).tolist() == [[[128, 0, 255, 128]]]
