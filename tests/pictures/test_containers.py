"""WebP and AVIF files without their metadata, and WebP files filled up."""

import io

import numpy as np
import pytest
from PIL import Image

from tushuo.pictures.containers import (
    avif_without_exif,
    webp_ends_early,
    webp_filled_up,
    webp_without_metadata,
)
from tushuo.pictures.opening import open_picture

IMAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 18, 4), np.uint8))


def encoded(kind: str, image: Image.Image = IMAGE, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_keeps_pixels_and_alpha_alone(lossless: bool, mode: str) -> None:
    image = IMAGE.convert(mode)
    whole = encoded("WEBP", image, lossless=lossless, exif=b"II*\0exif", xmp=b"<x/>")
    bare = webp_without_metadata(whole)
    assert b"EXIF" in whole
    assert b"EXIF" not in bare
    assert b"XMP " not in bare
    np.testing.assert_array_equal(decoded(bare), decoded(whole))


def test_webp_whose_metadata_is_broken_or_missing() -> None:
    whole = encoded("WEBP", exif=b"II*\0exif")
    start = whole.index(b"EXIF")
    for broken in (whole[:start], whole[: start + 4] + b"\xff\xff\xff\x7f" + whole[start + 8 :]):
        found = open_picture(broken) if webp_ends_early(broken) is False else None
        if found is None:
            with pytest.warns(UserWarning, match="nothing of the picture is missing"):
                found = open_picture(broken)
        np.testing.assert_array_equal(found, open_picture(whole))


def test_webp_animations_keep_whole_frames() -> None:
    whole = encoded(
        "WEBP", save_all=True, append_images=[IMAGE.rotate(angle) for angle in (90, 180, 270)]
    )
    cut = webp_without_metadata(whole[:-9])
    with Image.open(io.BytesIO(cut)) as image:
        assert image.n_frames == 3
    np.testing.assert_array_equal(decoded(cut), decoded(whole))


@pytest.mark.parametrize("lossless", [False, True])
def test_webp_is_filled_up_where_pixels_are_cut(lossless: bool) -> None:
    whole = encoded("WEBP", lossless=lossless)
    assert not webp_ends_early(whole)
    assert webp_ends_early(whole[:-2])
    assert webp_filled_up(whole, 0) is None
    for cut in (whole[:-2], whole[:-3]):
        filled = webp_filled_up(cut, 0)
        assert filled is not None
        assert not webp_ends_early(filled)
        assert decoded(filled).shape == decoded(whole).shape


def test_avif_without_exif_has_the_same_pixels() -> None:
    exif = Image.Exif()
    exif[0x010E] = "description"
    whole = encoded("AVIF", exif=exif)
    bare = avif_without_exif(whole)
    with Image.open(io.BytesIO(whole)) as first, Image.open(io.BytesIO(bare)) as second:
        assert "exif" in first.info
        assert "exif" not in second.info
        np.testing.assert_array_equal(first, second)
    assert avif_without_exif(b"\0\0\0\1ftyp") == b"\0\0\0\1ftyp"
