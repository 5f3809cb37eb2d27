"""The first directory of a TIFF file is checked before Pillow reads it."""

import struct

import numpy as np
import pytest

from tests.pictures.builders import tiff, with_directory
from tushuo.errors import PictureError
from tushuo.pictures.opening import open_picture
from tushuo.pictures.tiff import describe_kind, is_camera_raw, read_directory, tile_pixels

RGB = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_values_of_a_directory(dtype: str) -> None:
    content = tiff(RGB.astype(dtype), extra={34675: (7, list(b"a profile"))})
    directory = read_directory(content)
    assert directory is not None
    assert (directory.order, directory.size) == (dtype[0], (13, 9))
    assert directory.values[258] == (16, 16, 16)
    assert directory.first(999, 7) == 7
    assert directory.data(content, 34675) == b"a profile"
    assert directory.data(content, 256) == b""
    assert directory.claimed == 6 + 6 + 9
    assert "3 x 16-bit integers, photometric interpretation 2" in describe_kind(directory)


def test_big_tiff() -> None:
    tags = [(256, 4, 1, 13), (257, 4, 1, 9), (258, 3, 3, 16 | 16 << 16 | 16 << 32)]
    entries = b"".join(struct.pack("<HHQQ", *tag) for tag in tags)
    content = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 3) + entries + bytes(8)
    directory = read_directory(content)
    assert directory is not None
    assert directory.size == (13, 9)
    assert directory.values[258] == (16, 16, 16)


@pytest.mark.parametrize("content", [b"", b"II", b"II*\0", b"MM\0*\0\0\0\xff", b"PNG"])
def test_what_has_no_directory(content: bytes) -> None:
    assert read_directory(content) is None


RAW = [
    {50706: (3, [1, 4, 0, 0])},  # DNG
    {254: (4, [1]), 330: (4, [8])},  # NEF, ARW: the first picture is a thumbnail
    {262: (3, [32803])},  # colour filter array
    {262: (3, [34892])},  # linear raw
]


@pytest.mark.parametrize("tags", RAW)
def test_camera_raw_is_named(tags: dict[int, tuple[int, list[int]]]) -> None:
    content = tiff(RGB, extra=tags)
    directory = read_directory(content)
    assert directory is not None
    assert is_camera_raw(directory)
    with pytest.raises(
        PictureError, match=r"is a camera raw file .*, which is not read; export it"
    ):
        open_picture(content)
    np.testing.assert_array_equal(open_picture(tiff(RGB, extra={254: (4, [1])})), RGB)


def test_entries_that_claim_more_than_the_file_has_are_refused() -> None:
    """Pillow would copy all that they claim: here 65,000 times 100 KB."""
    tag = struct.pack("<HHII", 700, 1, 100_000, 0)
    body = struct.pack("<H", 65_000) + tag * 65_000
    with pytest.raises(PictureError, match="damaged TIFF: its tags claim 6500000000 bytes"):
        open_picture(b"II*\0\x08\0\0\0" + body)


def test_huge_tiles_are_refused() -> None:
    tags = {256: (4, [10]), 257: (4, [10]), 258: (3, [8]), 259: (3, [5]), 262: (3, [1]),
            277: (3, [1]), 322: (4, [60_000]), 323: (4, [60_000]), 324: (4, [8]), 325: (4, [9]),
            }  # fmt: skip
    content = with_directory("<", bytes(10), tags)
    directory = read_directory(content)
    assert directory is not None
    assert tile_pixels(directory) == 3_600_000_000
    with pytest.raises(PictureError, match="has tiles of 3600000000 pixels; at most"):
        open_picture(content)


def test_an_entry_without_values_is_passed_over() -> None:
    content = tiff(RGB.astype(np.float32), extra={258: (3, []), 259: (3, [9])})
    directory = read_directory(content)
    assert directory is not None
    assert 258 not in directory.values
    with pytest.raises(PictureError, match="damaged TIFF, or of a kind that is not read"):
        open_picture(content)
