"""Files that are cut short are opened where nearly all of the picture is there, else refused."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.pictures.builders import png
from tushuo.errors import PictureError
from tushuo.pictures.cut_short import ENOUGH, decode_part
from tushuo.pictures.opening import open_picture

HEIGHT, WIDTH = 240, 60
NOISE = Image.fromarray(
    np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
).filter(ImageFilter.GaussianBlur(2))
WHITE_BELOW = NOISE.copy()
WHITE_BELOW.paste("white", (0, HEIGHT // 2, WIDTH, HEIGHT))


def encoded(kind: str, image: Image.Image = NOISE, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


CONTENTS = {
    "jpeg": encoded("JPEG"),
    "jpeg without subsampling": encoded("JPEG", subsampling=0),
    "jpeg, grey": encoded("JPEG", NOISE.convert("L")),
    "jpeg, CMYK": encoded("JPEG", NOISE.convert("CMYK")),
    "jpeg with restarts": encoded("JPEG", restart_marker_rows=1),
    "png": encoded("PNG"),
    "png, palette": encoded("PNG", NOISE.convert("P")),
    "png, alpha": encoded("PNG", NOISE.convert("RGBA")),
    "gif": encoded("GIF", NOISE.convert("P", palette=Image.Palette.ADAPTIVE)),
    "gif, transparent": encoded("GIF", NOISE.convert("P"), transparency=3),
    "webp": encoded("WEBP"),
    "webp, lossless": encoded("WEBP", lossless=True),
    "webp with metadata": encoded("WEBP", xmp=b"x" * 100),
    "bmp": encoded("BMP"),
    "tiff": encoded("TIFF"),
}


def opened_or_refused(content: bytes) -> np.ndarray | str:
    try:
        return open_picture(content, name="photo").astype(int)
    except PictureError as error:
        return str(error)


@pytest.mark.parametrize("name", CONTENTS)
def test_every_cut_is_opened_with_a_warning_or_refused(name: str) -> None:
    content = CONTENTS[name]
    whole = open_picture(content).astype(int)
    opened_before = False
    for share in (0.1, 0.3, 0.5, 0.7, 0.85, 0.9, 0.93, 0.96, 0.98, 0.99, 0.999):
        cut = content[: int(share * len(content))]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pixels = opened_or_refused(cut)
        if isinstance(pixels, str):
            assert share < 0.96
            assert "cut short" in pixels
            assert "; download or save it again" in pixels
            continue
        assert share > 0.85
        (message,) = (str(one.message) for one in caught)
        assert message.startswith("photo is cut short: ")
        assert pixels.shape == whole.shape
        start, end = (1 - ENOUGH, 1) if name == "bmp" else (0, ENOUGH)  # from below
        rows = slice(int(start * HEIGHT) + 18 * (start > 0), int(end * HEIGHT) - 18)
        assert np.abs(pixels - whole)[rows].max() == 0
        opened_before = True
    assert opened_before


@pytest.mark.parametrize("image", [NOISE, WHITE_BELOW], ids=["noise", "white below"])
def test_a_progressive_jpeg_lacks_only_details_once_all_scans_have_begun(
    image: Image.Image,
) -> None:
    content = encoded("JPEG", image, progressive=True)
    whole = open_picture(content).astype(int)
    last_scan = content.rindex(b"\xff\xda")
    for length in (last_scan + 20, (last_scan + len(content)) // 2, len(content) - 2):
        with pytest.warns(UserWarning, match="is cut short: nothing of the picture is missing"):
            pixels = open_picture(content[:length])
        assert np.abs(pixels - whole).mean() < 6
    for length in (last_scan - 1, len(content) // 2, len(content) // 4):
        with pytest.raises(PictureError, match="cut short, and less than 90% of the picture"):
            open_picture(content[:length])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_missing_end_alone_costs_nothing(kind: str) -> None:
    content = encoded(kind, exif=b"Exif\0\0II*\0") if kind == "WEBP" else encoded(kind)
    lost = {"JPEG": 2, "PNG": 12, "WEBP": 4}[kind]
    with pytest.warns(UserWarning, match="is cut short: nothing of the picture is missing"):
        pixels = open_picture(content[:-lost])
    np.testing.assert_array_equal(pixels, open_picture(content))


def test_interlaced_rows_count_one_by_one() -> None:
    interlaced = png(np.asarray(NOISE), interlaced=True)
    np.testing.assert_array_equal(open_picture(interlaced), NOISE)
    with pytest.warns(UserWarning, match="is cut short"):
        open_picture(interlaced[: int(0.97 * len(interlaced))])
    with pytest.raises(PictureError, match=r"5\d\.\d% of the picture can be decoded"):
        open_picture(interlaced[: int(0.55 * len(interlaced))])


def test_whole_frames_of_a_cut_animation_are_used() -> None:
    frames = {"save_all": True, "append_images": [NOISE.rotate(180)] * 3}
    for kind in ("GIF", "WEBP", "PNG"):
        content = encoded(kind, **frames)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cut = open_picture(content[: 6 * len(content) // 10])
        np.testing.assert_array_equal(cut, open_picture(content))


def test_what_cannot_be_measured_has_no_part() -> None:
    def never(content: bytes) -> Image.Image:
        raise AssertionError

    assert decode_part("AVIF", encoded("AVIF")[:900], never, ()) is None
    assert decode_part("JPEG", CONTENTS["jpeg"][:200], never, ()) is None
