"""The first directory of a TIFF file is checked before Pillow reads it."""

import struct
import time

import numpy as np
import pytest

from tests.pictures.builders import tiff, with_directory
from tushuo.errors import PictureError
from tushuo.pictures.opening import open_picture
from tushuo.pictures.tiff import (
    describe_kind,
    is_camera_raw,
    pixels_alone,
    read_directory,
    tile_pixels,
)

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


def test_entries_that_claim_more_than_the_file_has_are_dropped() -> None:
    """Pillow would copy all that they claim: here 65,000 times 100 KB."""
    content = tiff(RGB)
    (start,) = struct.unpack("<I", content[4:8])
    entries = content[start + 2 :][: 12 * struct.unpack("<H", content[start : start + 2])[0]]
    tag = struct.pack("<HHII", 700, 1, 100_000, 0)
    count = struct.pack("<H", 65_000 + len(entries) // 12)
    place = struct.pack("<I", len(content))
    bomb = content[:4] + place + content[8:] + count + entries + tag * 65_000 + bytes(4)
    directory = read_directory(bomb)
    assert directory is not None
    assert directory.claimed > 6_500_000_000
    start_time = time.process_time()
    np.testing.assert_array_equal(open_picture(bomb), RGB)
    assert time.process_time() - start_time < 2


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2"])
def test_broken_metadata_leaves_the_pixels(dtype: str) -> None:
    samples = RGB.astype(dtype) * (257 if dtype != "u1" else 1)
    content = tiff(
        samples.astype(dtype), extra={700: (7, list(b"xmp " * 9)), 34665: (4, [1 << 30])}
    )
    order = "<" if dtype != ">u2" else ">"
    entry = struct.pack(order + "HHI", 700, 7, 36)
    assert entry in content
    broken = content.replace(entry, struct.pack(order + "HHI", 700, 7, 1 << 31))
    for one in (content, broken):
        assert np.abs(open_picture(one).astype(int) - RGB).max() <= 1
    bare = pixels_alone(broken)
    directory = read_directory(bare)
    assert directory is not None
    assert 700 not in {tag for tag, _, _ in directory.entries}
    assert np.abs(open_picture(bare).astype(int) - RGB).max() <= 1


def test_what_has_no_directory_or_not_all_pixels_stays_as_it_is() -> None:
    assert pixels_alone(b"II*\0") == b"II*\0"
    cut = tiff(RGB, extra={273: (4, [999])})
    assert pixels_alone(cut) == cut
    bomb = tiff(RGB, extra={273: (4, [999]), 700: (7, [1] * 9)})
    bomb = bomb.replace(struct.pack("<HHI", 700, 7, 9), struct.pack("<HHI", 700, 7, 1 << 31))
    with pytest.raises(PictureError, match="damaged TIFF: its tags claim 21474836"):
        open_picture(bomb)


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
