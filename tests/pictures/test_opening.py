"""Odd pictures: each gets the right pixels or one named error."""

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tushuo.errors import PictureError
from tushuo.pictures.opening import MAX_PIXELS, open_picture, picture_size

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


GOOD_EXIF = Image.Exif()
GOOD_EXIF[0x010E] = "a description that is long enough to be overwritten by other things"
GOOD_EXIF = GOOD_EXIF.tobytes().removeprefix(b"Exif\0\0")


def palette() -> Image.Image:
    image = Image.new("P", (20, 10), 1)
    image.putpalette([0, 0, 0, *RED])
    return image


def ultra_hdr() -> bytes:
    """Write what Android does: a picture, then a gain map, in one file of several pictures."""
    name = b"http://ns.adobe.com/xap/1.0/\0"
    xmp = name + b'<rdf:Description hdrgm:Version="1.0"/>'
    several = encoded(PLAIN, "MPO", save_all=True, append_images=[Image.new("RGB", (20, 10))])
    return several[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + several[2:]


PLAIN = Image.new("RGB", (20, 10), RED)
LAB = Image.new("LAB", (20, 10), (128, 128, 128))
OTHERS = {"save_all": True, "append_images": [Image.new("RGB", (20, 10))]}
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
    **{f"first of several, {kind}": (encoded(PLAIN, kind, **OTHERS), (10, 20), RED)
       for kind in ("GIF", "PNG", "WEBP", "AVIF", "TIFF", "MPO")},
    "default image": (encoded(PLAIN, "PNG", default_image=True, **OTHERS), (10, 20), RED),
    "ultra HDR": (ultra_hdr(), (10, 20), RED),
    "Lab": (encoded(LAB, "TIFF"), (10, 20), (119, 119, 119)),
    "YCbCr": (encoded(PLAIN.convert("YCbCr"), "TIFF"), (10, 20), RED),
    "white is zero": (encoded(Image.new("1", (20, 10), 1), "TIFF", compression="group4"),
                      (10, 20), (255, 255, 255)),
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
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing, which is not read"),
    "text": (b"hello there", "begins with"),
    "pdf": (b"%PDF-1.4 xxxxxxxx", "is a PDF document, which is not read; save a page"),
    "zeros": (b"\0" * 500, "begins with"),
    "heic": (
        b"\0\0\0\x18ftypheic\0\0\0\0mif1",
        "is a HEIC picture, which is not read; save it as JPEG or PNG",
    ),
    "truncated jpeg": (encoded(NOISE, "JPEG")[:900], "damaged"),
    "truncated png": (encoded(NOISE, "PNG")[:900], "damaged"),
    "truncated gif": (encoded(NOISE, "GIF")[:900], "damaged"),
    "truncated avif": (encoded(NOISE, "AVIF")[:900], "damaged"),
    "truncated webp": (encoded(NOISE, "WEBP")[:900], "damaged"),
    "png head alone": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "jpeg head alone": (b"\xff\xd8\xff\xe0", "damaged JPEG"),
    "bomb": (bomb(), "far more than"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures_are_named(name: str, tmp_path: Path) -> None:
    content, message = BAD[name]
    path = tmp_path / "图 片.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=message):
        open_picture(path)


GARBAGE = b"Exif\0\0" + b"garbage" * 4
BOMB = b"II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHII", 700, 1, 1 << 30, 8) * 0xFFF


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG", "AVIF"])
@pytest.mark.parametrize("exif", [GARBAGE, b"Exif\0\0II", b"Exif\0\0" + BOMB, b"\0"])
def test_damaged_exif_leaves_the_pixels(kind: str, exif: bytes) -> None:
    whole = encoded(PLAIN, "AVIF", exif=GOOD_EXIF) if kind == "AVIF" else None
    if whole is None:
        whole = encoded(PLAIN, kind, exif=exif)
    else:  # Pillow reads what it writes
        start = whole.index(b"MM\0*")
        whole = whole[:start] + (exif * 200)[: len(GOOD_EXIF)] + whole[start + len(GOOD_EXIF) :]
    assert np.abs(open_picture(whole).reshape(-1, 3).astype(int) - RED).max() <= 6


def test_exif_in_many_segments_is_dropped() -> None:
    """Pillow joins them, which takes the square of their length."""
    segment = b"\xff\xe1\xff\xffExif\0\0" + bytes(65_527)
    whole = encoded(PLAIN, "JPEG")
    start = time.perf_counter()
    open_picture(whole[:2] + segment * 1500 + whole[2:])
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("depth", [9, 12])
def test_jpegs_of_more_than_8_bits_are_named(depth: int) -> None:
    whole = encoded(PLAIN, "JPEG")
    start = whole.index(b"\xff\xc0") + 4
    content = whole[:start] + bytes([depth]) + whole[start + 1 :]
    message = "JPEG of 12 bits per channel, which is not read" if depth == 12 else "damaged JPEG"
    with pytest.raises(PictureError, match=message):
        open_picture(content)


def test_messages_use_the_given_name() -> None:
    with pytest.raises(PictureError, match=r"^photo 7 is not a picture"):
        open_picture(b"hello there", name="photo 7")


def test_large_jpegs_are_decoded_small() -> None:
    content = encoded(Image.new("RGB", (1600, 1200), RED), "JPEG")
    assert min(open_picture(content, at_least=260).shape[:2]) in range(260, 600)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF"])
def test_the_size_of_a_picture_is_read_from_its_header(kind: str) -> None:
    content = io.BytesIO()
    Image.new("RGB", (30, 20)).save(content, kind)
    assert picture_size(content.getvalue()) == (30, 20)
    assert picture_size(content.getvalue()[:4]) is None


def test_sizes_that_are_claimed_are_read_without_decoding() -> None:
    content = io.BytesIO()
    Image.new("1", (8, 8)).save(content, "PNG")
    header = content.getvalue()[12:29]

    def claiming(width: int, height: int) -> bytes:
        changed = header[:4] + struct.pack(">II", width, height) + header[12:]
        checksum = struct.pack(">I", zlib.crc32(changed))
        return content.getvalue()[:12] + changed + checksum + content.getvalue()[33:]

    assert picture_size(claiming(9000, 9001)) == (9000, 9001)
    with pytest.raises(PictureError, match=f"far more than {MAX_PIXELS} pixels"):
        picture_size(claiming(60_000, 60_000))
