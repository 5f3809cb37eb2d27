"""Damaged metadata of PNG files never costs the pixels; other damage is named by its chunk."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tests.pictures.builders import chunk
from tushuo.errors import PictureError
from tushuo.pictures.opening import open_picture
from tushuo.pictures.png import (
    METADATA,
    SIGNATURE,
    describe_damage,
    ends_early,
    is_apple,
    pixels_alone,
    without_metadata,
)

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GAMMA = b"\0\0\xb1\x8f"  # 1/2.2


def png(kind: bytes = b"", data: bytes = b"", *, checksum: int | None = None) -> bytes:
    """Write RGB with a further chunk behind the header."""
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "PNG")
    whole = file.getvalue()
    return whole[:33] + chunk(kind, data, checksum) + whole[33:] if kind else whole


def with_data(change: bytes, checksum: int | None = None) -> bytes:
    """Write RGB with other pixel data."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 6, 8, 2, 0, 0, 0))
    return SIGNATURE + header + chunk(b"IDAT", change, checksum) + chunk(b"IEND", b"")


PACKED = zlib.compress(b"".join(b"\0" + row.tobytes() for row in RGB))
FLIPPED = PACKED[:60] + bytes([PACKED[60] ^ 8]) + PACKED[61:]


@pytest.mark.parametrize("kind", METADATA)
def test_metadata_is_dropped_and_the_rest_is_kept(kind: bytes) -> None:
    assert without_metadata(png(kind, b"key\0value")) == png()
    assert without_metadata(png(b"gAMA", GAMMA)) == png(b"gAMA", GAMMA)
    assert without_metadata(png(b"gAMA", GAMMA, checksum=1)) == png()
    assert pixels_alone(png(b"gAMA", GAMMA)) == png()
    assert pixels_alone(png(b"tRNS", b"\0\1\0\1\0\1")) == png(b"tRNS", b"\0\1\0\1\0\1")


def test_cut_files_keep_what_they_have() -> None:
    for length in range(len(SIGNATURE), len(png())):
        assert png()[:length].startswith(pixels_alone(png()[:length]))
        assert len(pixels_alone(png()[:length])) > length - 8  # a chunk's length and type
        assert describe_damage(png()[:length]) is None or length < 16
        assert ends_early(png()[:length]) == (length < len(png()) - 4)
    assert not ends_early(png())
    assert not ends_early(png() + b"trailing")


BOMB = zlib.compress(bytes(PngImagePlugin.MAX_TEXT_CHUNK + 1))


@pytest.mark.parametrize(
    "content",
    [
        png(b"zTXt", b"key\0\0" + BOMB),
        png(b"iTXt", b"key\0\1\0\0\0" + BOMB),
        png(b"iCCP", b"key\0\0" + BOMB),
        png(b"iCCP", b"key\0\0garbage"),
        png(b"eXIf", b"garbage"),
        png(b"tEXt", b"key\0value", checksum=1),
        png(b"gAMA", b"\0"),
        png(b"gAMA", GAMMA, checksum=1),
        png(b"cHRM", b"\0\0"),
        png(b"pHYs", b""),
        png(b"acTL", b"\0\0"),
        png(b"fcTL", b"\0"),
        png(b"zzZz", b"unknown", checksum=1),
        with_data(PACKED, checksum=1),
        png() + b"trailing bytes",
    ],
)
def test_damaged_metadata_leaves_the_pixels(content: bytes) -> None:
    np.testing.assert_array_equal(open_picture(content), RGB)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_data(FLIPPED, zlib.crc32(b"IDAT" + PACKED)), "its chunk IDAT at byte 33 does not"),
        (png()[:16] + b"\0\0\0\x0a" + png()[20:], "its chunk IHDR at byte 8 does not"),
        (png()[:33] + b"\0\0\0\5garbage" + png()[33:], "what follows byte 50 is no chunk"),
        (png()[:8] + png()[33:], "it does not begin with the chunk IHDR"),
        (png(b"PLTE", b"\0\0\0", checksum=1), "its chunk PLTE at byte 33 does not match"),
    ],
)
def test_damage_is_named_by_its_chunk(content: bytes, message: str) -> None:
    with pytest.raises(PictureError, match=f"is a damaged PNG: {message}"):
        open_picture(content)
    assert message in str(describe_damage(content))


def test_the_number_of_chunks_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    content = png()[:33] + chunk(b"tEXt", b"key\0value") * 100 + png()[33:]
    np.testing.assert_array_equal(open_picture(content), RGB)
    monkeypatch.setattr("tushuo.pictures.png.MAX_CHUNKS", 99)
    with pytest.raises(PictureError, match="is a damaged PNG: it has more than 99 chunks"):
        open_picture(content)


def test_pngs_for_iphones_are_named() -> None:
    raw = zlib.compressobj(wbits=-15)
    data = raw.compress(b"".join(b"\0" + row.tobytes() for row in RGB)) + raw.flush()
    content = with_data(data)
    apple = content[:8] + chunk(b"CgBI", b"\x50\0\x20\2") + content[8:]
    assert is_apple(apple)
    with pytest.raises(PictureError, match="is a PNG that Xcode optimised for iPhones"):
        open_picture(apple)
