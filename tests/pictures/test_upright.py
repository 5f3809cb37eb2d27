"""Orientation, transparency and deep grey of Pillow images."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from tushuo.pictures.opening import PILLOW_ERRORS, open_picture
from tushuo.pictures.upright import to_upright_rgb

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")


def exif(*entries: bytes, count: int | None = None) -> bytes:
    head = struct.pack("<H", len(entries) if count is None else count)
    return b"Exif\0\0II*\0\x08\0\0\0" + head + b"".join(entries) + bytes(4)


ROTATED = entry(0x0112, 3, 1, b"\6")
BROKEN_TAG = entry(0x010F, 2, 1 << 30, b"\x08")  # the camera's name, of a gigabyte


@pytest.mark.parametrize(
    "content",
    [
        exif(ROTATED),
        exif(ROTATED, BROKEN_TAG),
        exif(BROKEN_TAG, ROTATED),
        exif(ROTATED, count=2)[:-4],
        exif(entry(0x9999, 99, 7, b"?"), ROTATED),
        exif(ROTATED)[6:],
    ],
)
def test_orientation_is_read_where_other_tags_are_broken(content: bytes) -> None:
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "PNG", exif=content)
    np.testing.assert_array_equal(open_picture(file.getvalue()), np.rot90(RGB, -1))


@pytest.mark.parametrize("value", [b"\0", b"\x09", b"\xff\xff"])
def test_an_unknown_orientation_is_none(value: bytes) -> None:
    image = Image.fromarray(RGB)
    image.info["exif"] = exif(entry(0x0112, 3, 1, value))
    np.testing.assert_array_equal(to_upright_rgb(image, PILLOW_ERRORS), RGB)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_is_undone(orientation: int) -> None:
    turned = {1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1],
              5: RGB.transpose(1, 0, 2), 6: np.rot90(RGB, 1), 8: np.rot90(RGB, -1),
              7: np.rot90(RGB, 2).transpose(1, 0, 2)}  # fmt: skip
    image = Image.fromarray(np.ascontiguousarray(turned[orientation]))
    image.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(to_upright_rgb(image, PILLOW_ERRORS), RGB)
    given = Image.fromarray(np.ascontiguousarray(turned[orientation]))
    found = to_upright_rgb(given, PILLOW_ERRORS, orientation=orientation)
    np.testing.assert_array_equal(found, RGB)


def logo(colour: int, alpha: int = 0) -> Image.Image:
    image = Image.new("RGBA", (9, 6), (colour, colour, colour, alpha))
    image.putpixel((4, 3), (colour, colour, colour, 255))
    return image


def test_what_would_vanish_on_white_lies_on_black() -> None:
    white = to_upright_rgb(logo(255), PILLOW_ERRORS)
    assert (white[3, 4].tolist(), white[0, 0].tolist()) == ([255] * 3, [0] * 3)
    grey = to_upright_rgb(logo(100), PILLOW_ERRORS)
    assert (grey[3, 4].tolist(), grey[0, 0].tolist()) == ([100] * 3, [255] * 3)


def test_white_and_wholly_transparent_pictures_stay_white() -> None:
    assert (to_upright_rgb(logo(255, alpha=255), PILLOW_ERRORS) == 255).all()
    clear = Image.new("RGBA", (9, 6), (255, 255, 255, 0))
    assert (to_upright_rgb(clear, PILLOW_ERRORS) == 255).all()


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_a_transparent_grey_value_of_16_bits(mode: str) -> None:
    grey = np.array([[0, 1000, 65535]], np.uint16)
    grey = grey.astype({"I;16": "<u2", "I;16B": ">u2", "I": "<i4"}[mode])
    image = Image.frombytes(mode, (3, 1), grey.tobytes())
    image.info["transparency"] = 1000
    assert to_upright_rgb(image, PILLOW_ERRORS)[0, :, 0].tolist() == [0, 255, 255]
