"""Segments of JPEG files: what is metadata, and which scans have begun."""

import io

import numpy as np
import pytest
from PIL import Image

from tushuo.pictures import jpeg

IMAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8))


def encoded(**options: object) -> bytes:
    file = io.BytesIO()
    IMAGE.save(file, "JPEG", **options)
    return file.getvalue()


EXIF = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"


def test_metadata_is_dropped_and_pixels_are_kept() -> None:
    with_metadata = encoded(exif=EXIF, comment=b"hello", icc_profile=b"p" * 70_000)
    bare = jpeg.without_metadata(with_metadata)
    assert bare == jpeg.without_metadata(encoded())
    for name in (b"Exif", b"hello", b"ICC_PROFILE"):
        assert name in with_metadata
        assert name not in bare
    np.testing.assert_array_equal(Image.open(io.BytesIO(bare)), Image.open(io.BytesIO(encoded())))


def test_the_colours_of_adobe_are_kept() -> None:
    file = io.BytesIO()
    IMAGE.convert("CMYK").save(file, "JPEG")
    assert b"Adobe" in jpeg.without_metadata(file.getvalue())


def test_exif_is_shortened_to_its_first_segments() -> None:
    content = encoded(exif=EXIF, comment=b"hello")
    segment = b"\xff\xe1\xff\xffExif\0\0" + bytes(65_527)
    assert jpeg.with_short_exif(content) == content
    once = content[:2] + segment + content[2:].replace(b"Exif", b"none")
    assert jpeg.with_short_exif(once) == once
    end = content.index(b"Exif") - 4 + 2 + int.from_bytes(content[content.index(b"Exif") - 2 :][:2])
    many = content[:end] + segment * 9 + content[end:]
    assert jpeg.with_short_exif(many) == content


@pytest.mark.parametrize("progressive", [False, True])
def test_scans_have_begun_from_the_last_one_on(progressive: bool) -> None:
    content = encoded(progressive=progressive)
    starts = [one.end for one in jpeg.segments(content) if one.marker == jpeg.SCAN]
    assert len(starts) == (10 if progressive else 1)
    for number, start in enumerate(starts, 1):
        assert jpeg.all_scans_have_begun(content[:start]) == (number == len(starts))
    assert jpeg.is_refined_last(content) == progressive
    assert not jpeg.all_scans_have_begun(content[: starts[0] - 1])


def test_an_early_end_is_that_of_the_first_picture() -> None:
    assert not jpeg.ends_early(encoded())
    assert not jpeg.ends_early(encoded() + b"trailing" + encoded()[:-2])
    assert jpeg.ends_early(encoded()[:-2])
    assert jpeg.ends_early(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("marker", "bits", "what"),
    [
        (0xC1, 12, "JPEG of 12 bits per channel"),
        (0xC2, 12, "JPEG of 12 bits per channel"),
        (0xC3, 16, "lossless JPEG"),
        (0xF7, 8, "JPEG-LS"),
        (0xC5, 8, "hierarchical JPEG"),
        (0xC0, 8, None),
    ],
)
def test_kinds_that_are_not_read_are_named(marker: int, bits: int, what: str | None) -> None:
    content = encoded()
    start = content.index(b"\xff\xc0")
    changed = content[: start + 1] + bytes([marker]) + content[start + 2 : start + 4]
    assert jpeg.describe_unread(changed + bytes([bits]) + content[start + 5 :]) == what
    assert jpeg.describe_unread(content[:start]) is None
