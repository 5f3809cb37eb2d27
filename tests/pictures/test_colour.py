"""Colours are converted to sRGB by valid profiles and by the gamma of PNG files."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.pictures.builders import chunk, png, tiff
from tushuo.pictures.colour import MAX_PROFILE_BYTES, to_srgb
from tushuo.pictures.opening import open_picture
from tushuo.pictures.pixels import to_pixels

RGB = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
LINEAR_SRGB = (0.4361, 0.3851, 0.1431, 0.2225, 0.7169, 0.0606, 0.0139, 0.0971, 0.7142)
GREY_AXIS = np.repeat(np.arange(0, 256, 5, dtype=np.uint8), 3).reshape(1, -1, 3)


def number(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Write an ICC profile, version 2, of class monitor."""
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78),
        b"wtpt": b"XYZ \0\0\0\0" + number(0.9642) + number(1) + number(0.8249), **tags,
    }  # fmt: skip
    start = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(data), len(value))
        data += value.ljust(-len(value) % 4 + len(value), b"\0")
    head = struct.pack(
        ">I4sI4s4s4s12x4s4s28x", start + len(data), bytes(4), 0x02400000, b"mntr", space, b"XYZ ",
        b"acsp", bytes(4),
    )  # fmt: skip
    head += number(0.9642) + number(1) + number(0.8249)
    return head.ljust(128, b"\0") + table + data


def gamma_curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)


def rgb_profile(gamma: float, columns: tuple[float, ...] = LINEAR_SRGB) -> bytes:
    """Write the profile of a display with these primaries, as rows of X, Y, Z."""
    tags = {}
    for index, name in enumerate((b"r", b"g", b"b")):
        xyz = b"".join(number(columns[row * 3 + index]) for row in range(3))
        tags |= {name + b"XYZ": b"XYZ \0\0\0\0" + xyz, name + b"TRC": gamma_curve(gamma)}
    return profile(b"RGB ", tags)


SWAPPED = tuple(np.array(LINEAR_SRGB).reshape(3, 3)[:, [2, 1, 0]].ravel())  # red is blue
LINEAR_GREY = profile(b"GRAY", {b"kTRC": gamma_curve(1.0)})


def encoded(kind: str, image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def linear_to_srgb(values: np.ndarray) -> np.ndarray:
    linear = values / 255
    low, high = 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    return 255 * np.where(linear <= 0.0031308, low, high)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("TIFF", {}),
        ("WEBP", {"lossless": True}),
        ("JPEG", {"quality": 100}),
        ("AVIF", {}),
    ],
)
def test_profiles_are_applied_in_every_format(kind: str, options: dict[str, object]) -> None:
    image = Image.new("RGB", (32, 32), (250, 130, 10))
    content = encoded(kind, image, icc_profile=rgb_profile(2.2, SWAPPED), **options)
    assert np.abs(open_picture(content)[9, 9].astype(int) - [10, 130, 250]).max() <= 8


def test_profiles_of_deep_tiff_and_of_palettes() -> None:
    icc = rgb_profile(2.2, SWAPPED)
    deep = tiff(RGB.astype(np.uint16) * 257, extra={34675: (7, list(icc))})
    assert np.abs(open_picture(deep).astype(int) - RGB[..., ::-1]).max() <= 10
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 250, 130, 10])
    for options in ({}, {"transparency": 0}):
        found = open_picture(encoded("PNG", palette, icc_profile=icc, **options))[2, 2]
        assert np.abs(found.astype(int) - [10, 130, 250]).max() <= 8


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_linear_profile_brightens_and_keeps_alpha(mode: str) -> None:
    icc = LINEAR_GREY if mode.startswith("L") else rgb_profile(1.0)
    image = Image.fromarray(GREY_AXIS).convert(mode)
    image.info["icc_profile"] = icc
    converted = to_srgb(image)
    assert np.abs(np.asarray(converted.convert("RGB")) - linear_to_srgb(GREY_AXIS)).max() <= 8
    assert ("A" in converted.getbands()) == ("A" in mode)


BROKEN = {
    "garbage": b"garbage" * 30,
    "one byte": b"\0",
    "cut": rgb_profile(1.0)[:200],
    "grey for RGB": LINEAR_GREY,
    "too large": rgb_profile(1.0) + bytes(MAX_PROFILE_BYTES),
    "no tags": rgb_profile(1.0)[:128] + bytes(4),
    "sRGB": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_profiles_and_srgb_leave_the_pixels(name: str) -> None:
    image = Image.fromarray(RGB)
    image.info["icc_profile"] = BROKEN[name]
    np.testing.assert_array_equal(to_pixels(image), RGB)
    if name != "too large":  # Pillow refuses to write it
        content = encoded("PNG", Image.fromarray(RGB), icc_profile=BROKEN[name])
        np.testing.assert_array_equal(open_picture(content), RGB)


def test_cmyk_without_a_fitting_profile_is_complemented() -> None:
    image = Image.fromarray(np.dstack([255 - RGB, np.zeros(RGB.shape[:2], np.uint8)]), "CMYK")
    image.info["icc_profile"] = rgb_profile(1.0)
    np.testing.assert_array_equal(to_pixels(image), RGB)


def gamma(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


@pytest.mark.parametrize("value", [0.45455, 0.44, 0.47, 0.0, 0.00001, 40_000.0])
def test_a_usual_or_broken_gamma_leaves_the_pixels(value: float) -> None:
    np.testing.assert_array_equal(open_picture(png(RGB, extra=gamma(value))), RGB)


@pytest.mark.parametrize("value", [1.0, 0.55556, 0.3])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_another_gamma_is_applied_but_not_to_alpha(value: float, channels: int) -> None:
    opaque = np.full(RGB.shape[:2], 255, np.uint8)
    pixels = np.dstack([RGB, opaque])[..., :channels]
    expected = 255 * (pixels[..., :3] / 255) ** (1 / (2.2 * value))
    assert np.abs(open_picture(png(pixels, extra=gamma(value))) - expected).max() <= 0.51


def test_gamma_yields_to_srgb_and_to_profiles() -> None:
    both = gamma(1.0) + chunk(b"sRGB", b"\0")
    np.testing.assert_array_equal(open_picture(png(RGB, extra=both)), RGB)
    icc = chunk(b"iCCP", b"name\0\0" + zlib.compress(BROKEN["sRGB"]))
    np.testing.assert_array_equal(open_picture(png(RGB, extra=gamma(1.0) + icc)), RGB)
