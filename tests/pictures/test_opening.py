"""Odd pictures: each gets the right pixels or one named error."""

import io
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tushuo.errors import PictureError
from tushuo.pictures.opening import FORMATS, open_picture

RED = (200, 30, 40)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def rotated() -> bytes:
    image = Image.new("RGB", (20, 10), RED)
    exif = image.getexif()
    exif[0x0112] = 6
    return encoded(image, "JPEG", exif=exif)


def palette() -> Image.Image:
    image = Image.new("P", (20, 10), 1)
    image.putpalette([0, 0, 0, *RED])
    return image


PLAIN = Image.new("RGB", (20, 10), RED)
GOOD = {
    "jpeg": (encoded(PLAIN, "JPEG", quality=95), (10, 20), RED),
    "png": (encoded(PLAIN, "PNG"), (10, 20), RED),
    "webp": (encoded(PLAIN, "WEBP", lossless=True), (10, 20), RED),
    "avif": (encoded(PLAIN, "AVIF", quality=95), (10, 20), RED),
    "bmp": (encoded(PLAIN, "BMP"), (10, 20), RED),
    "tiff": (encoded(PLAIN, "TIFF"), (10, 20), RED),
    "cmyk": (encoded(Image.new("CMYK", (20, 10), (0, 255, 255, 0)), "JPEG"), (10, 20), (255, 0, 0)),
    "grey": (encoded(Image.new("L", (20, 10), 77), "PNG"), (10, 20), (77, 77, 77)),
    "one bit": (encoded(Image.new("1", (20, 10), 1), "PNG"), (10, 20), (255, 255, 255)),
    "16 bit": (
        encoded(Image.fromarray(np.full((10, 20), 0x8080, np.uint16)), "PNG"), (10, 20), (128,) * 3
    ),
    "palette": (encoded(palette(), "PNG"), (10, 20), RED),
    "palette, transparent": (encoded(palette(), "PNG", transparency=1), (10, 20), (255,) * 3),
    "clear": (encoded(Image.new("RGBA", (20, 10), (*RED, 0)), "PNG"), (10, 20), (255,) * 3),
    "grey, clear": (encoded(Image.new("LA", (20, 10), (9, 0)), "PNG"), (10, 20), (255,) * 3),
    "animated": (
        encoded(PLAIN, "GIF", save_all=True, append_images=[Image.new("RGB", (20, 10))]),
        (10, 20), RED,
    ),
    "rotated": (rotated(), (20, 10), RED),
    "one pixel": (encoded(Image.new("RGB", (1, 1), RED), "PNG"), (1, 1), RED),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_odd_pictures_open(name: str) -> None:
    content, shape, colour = GOOD[name]
    pixels = open_picture(content)
    assert pixels.shape == (*shape, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.reshape(-1, 3).astype(int) - colour).max() <= 4


def bomb() -> bytes:
    """A whole and valid PNG of 30,000 x 30,000 pixels in some hundred kilobytes."""
    packer = zlib.compressobj(1)
    row = b"\0" * (1 + 30_000 // 8)
    pixels = b"".join(packer.compress(row) for _ in range(30_000)) + packer.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    )


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8))
BAD = {
    "empty": (b"", "is empty"),
    "web page": (b"<!DOCTYPE html><html>", "web page"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "markup"),
    "text": (b"hello there", "begins with"),
    "pdf": (b"%PDF-1.4 xxxxxxxx", "begins with"),
    "zeros": (b"\0" * 500, "begins with"),
    "heic": (
        b"\0\0\0\x18ftypheic\0\0\0\0mif1",
        "HEIF image or a video \\('heic'\\); save it as one of JPEG",
    ),
    "truncated jpeg": (encoded(NOISE, "JPEG")[:900], "damaged"),
    "truncated png": (encoded(NOISE, "PNG")[:900], "damaged"),
    "truncated gif": (encoded(NOISE, "GIF")[:900], "damaged"),
    "truncated avif": (encoded(NOISE, "AVIF")[:900], "damaged"),
    "truncated webp": (encoded(NOISE, "WEBP")[:900], "damaged|not a picture"),
    "png head alone": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "jpeg head alone": (b"\xff\xd8\xff\xe0", "not a picture|damaged"),
    "bomb": (bomb(), "far more than"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures_are_named(name: str, tmp_path: Path) -> None:
    content, message = BAD[name]
    path = tmp_path / "图 片.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=message):
        open_picture(path)


@pytest.mark.parametrize("kind", FORMATS)
def test_whatever_is_damaged_is_opened_or_named(kind: str) -> None:
    draw = np.random.default_rng(0)
    whole = encoded(NOISE, kind)
    for _ in range(150):
        content = bytearray(whole)
        for place in draw.integers(12, len(whole), size=4):
            content[place] = draw.integers(256)
        with suppress(PictureError):
            assert open_picture(bytes(content)).shape[2] == 3


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="does not exist; name an existing"):
        open_picture(tmp_path / "gone.jpg")
    (tmp_path / "own.jpg").symlink_to("own.jpg")
    with pytest.raises(PictureError, match=r"own\.jpg cannot be read: Too many.*; name another"):
        open_picture(tmp_path / "own.jpg")
    with pytest.raises(
        PictureError, match=r"is a folder; expected a single picture, such as .*own\.jpg"
    ):
        open_picture(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(PictureError, match=r"folder without pictures; expected files.*\.jpg,"):
        open_picture(tmp_path / "none")


def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", Path("/dev/zero")):
        with pytest.raises(PictureError, match="is a pipe, a socket or a device; name a file"):
            open_picture(path)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_damaged_exif_leaves_the_pixels(kind: str) -> None:
    whole = encoded(PLAIN, kind, exif=b"Exif\0\0" + b"garbage" * 4)
    assert np.abs(open_picture(whole).reshape(-1, 3).astype(int) - RED).max() <= 4


def test_large_jpegs_are_decoded_small() -> None:
    content = encoded(Image.new("RGB", (1600, 1200), RED), "JPEG")
    assert min(open_picture(content, at_least=260).shape[:2]) in range(260, 600)
