"""Metadata of PNG files can be dropped, and damage in it never costs the pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tushuo.pictures.opening import open_picture
from tushuo.pictures.png import METADATA, SIGNATURE, is_png, without_metadata

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def png(kind: bytes = b"", data: bytes = b"", *, checksum: int | None = None) -> bytes:
    """Write RGB with a further chunk behind the header."""
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "PNG")
    whole = file.getvalue()
    if not kind:
        return whole
    crc = zlib.crc32(kind + data) if checksum is None else checksum
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)
    return whole[:33] + chunk + whole[33:]


@pytest.mark.parametrize("kind", METADATA)
def test_metadata_is_dropped_and_the_rest_is_kept(kind: bytes) -> None:
    assert without_metadata(png(kind, b"key\0value")) == png()
    assert without_metadata(png(b"gAMA", b"\0\0\xb1\x8f")) == png(b"gAMA", b"\0\0\xb1\x8f")


def test_cut_files_keep_what_they_have() -> None:
    for length in range(len(SIGNATURE), len(png())):
        assert without_metadata(png()[:length]) == png()[:length]
    assert is_png(png())
    assert not is_png(b"GIF89a")


BOMB = zlib.compress(bytes(PngImagePlugin.MAX_TEXT_CHUNK + 1))


@pytest.mark.parametrize(
    "content",
    [
        png(b"zTXt", b"key\0\0" + BOMB),
        png(b"iTXt", b"key\0\1\0\0\0" + BOMB),
        png(b"iCCP", b"key\0\0" + BOMB),
        png(b"eXIf", b"garbage"),
        png(b"tEXt", b"key\0value", checksum=1),
    ],
    ids=["large zTXt", "large iTXt", "large iCCP", "broken eXIf", "wrong checksum"],
)
def test_damaged_metadata_leaves_the_pixels(content: bytes) -> None:
    np.testing.assert_array_equal(open_picture(content), RGB)
