"""Every form of a picture gives the right pixels, or one error that says what is expected."""

import gzip
import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures.test_opening import GOOD
from tushuo.errors import PictureError
from tushuo.pictures.pixels import to_pixels

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
RGB[0, 0] = 255
GREY = RGB[..., 0]
FLOATS = RGB.astype(np.float32) / 255
PNG = io.BytesIO()
Image.fromarray(RGB).save(PNG, "PNG")
READ_ONLY = RGB.copy()
READ_ONLY.flags.writeable = False


class InParts(io.RawIOBase):
    """A pipe: it returns less than was asked for."""

    def __init__(self, content: bytes):
        self.content = content

    def read(self, size: int = -1) -> bytes:
        part, self.content = self.content[:7], self.content[7:]
        return part


def released() -> memoryview:
    view = memoryview(PNG.getvalue())
    view.release()
    return view


def closed() -> Image.Image:
    with Image.open(io.BytesIO(PNG.getvalue())) as image:
        return image


SAME = {
    "array": RGB,
    "read-only": READ_ONLY,
    "fortran order": np.asfortranarray(RGB),
    "mirrored twice": RGB[:, ::-1].copy()[:, ::-1],
    "channels first": RGB.transpose(2, 0, 1),
    "float32": FLOATS,
    "float64, channels first": FLOATS.astype(np.float64).transpose(2, 0, 1),
    "float16": FLOATS.astype(np.float16),
    "a little out of range": np.where(FLOATS.max() == FLOATS, np.float32(1.0005), FLOATS),
    "opaque": np.dstack([RGB, np.full(GREY.shape, 255, np.uint8)]),
    "tensor, channels first": torch.from_numpy(RGB).permute(2, 0, 1),
    "tensor, channels last": torch.from_numpy(RGB),
    "tensor with gradient": torch.from_numpy(FLOATS).permute(2, 0, 1).requires_grad_(),
    "tensor, negated lazily": torch._neg_view(-torch.from_numpy(FLOATS).permute(2, 0, 1)),
    "bytes": PNG.getvalue(),
    "pipe": InParts(PNG.getvalue()),
    "bytearray": bytearray(PNG.getvalue()),
    "memoryview": memoryview(PNG.getvalue()),
    "file object": io.BytesIO(PNG.getvalue()),
    "Pillow": Image.fromarray(RGB),
    "Pillow RGBA": Image.fromarray(RGB).convert("RGBA"),
    "Pillow, not loaded": Image.open(io.BytesIO(PNG.getvalue())),
}


@pytest.mark.parametrize("form", SAME)
def test_every_form_gives_the_same_pixels(form: str) -> None:
    pixels = to_pixels(SAME[form])
    assert (pixels.dtype, pixels.flags.c_contiguous, pixels.flags.writeable) == (
        np.uint8,
        True,
        True,
    )
    np.testing.assert_array_equal(pixels, RGB)


def test_a_path_as_text_or_as_a_path(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(PNG.getvalue())
    for path in (tmp_path / "a b.png", str(tmp_path / "a b.png")):
        np.testing.assert_array_equal(to_pixels(path), RGB)
    with (tmp_path / "a b.png").open("rb") as file:
        np.testing.assert_array_equal(to_pixels(file), RGB)


@pytest.mark.parametrize(
    "grey",
    [
        GREY,
        GREY[..., None],
        GREY[None],
        GREY / np.float32(255),
        torch.from_numpy(GREY.copy())[None],
        torch.from_numpy(GREY.copy()),
        GREY.view(np.matrix),
    ],
)
def test_grey_becomes_three_equal_channels(grey: object) -> None:
    np.testing.assert_array_equal(to_pixels(grey), np.repeat(GREY[..., None], 3, axis=2))


@pytest.mark.parametrize("height", range(1, 6))
def test_low_grey_pictures_keep_their_shape(height: int) -> None:
    grey = np.arange(height * 50, dtype=np.uint8).reshape(height, 50)
    for picture in (grey, torch.from_numpy(grey), grey.T, torch.from_numpy(grey).T):
        np.testing.assert_array_equal(to_pixels(picture)[..., 1], np.asarray(picture))


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"]
)
def test_pillow_images_of_any_mode(mode: str) -> None:
    image = Image.new(mode, (9, 6))
    assert to_pixels(image).shape == (6, 9, 3)


def test_transparent_pixels_lie_on_white() -> None:
    clear = np.dstack([RGB, np.zeros(GREY.shape, np.uint8)])
    assert (to_pixels(clear) == 255).all()
    assert (to_pixels(torch.from_numpy(clear).permute(2, 0, 1)) == 255).all()


def test_the_result_shares_no_memory_with_the_input() -> None:
    array = RGB.copy()
    to_pixels(array)[:] = 0
    np.testing.assert_array_equal(array, RGB)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (RGB.astype(np.int64), r"shape \(6, 9, 3\) and dtype int64.*expected.*uint8 from 0 to 255"),
        (RGB.astype(bool), "dtype bool"),
        (RGB.astype(np.uint16) * 257, "dtype uint16"),
        (RGB.astype(np.float32), "values from 0 to 255; expected.*float from 0 to 1"),
        (FLOATS * 2 - 1, "values from -"),
        (np.full((6, 9, 3), np.nan), "values from nan"),
        (RGB[None], "one by one"),
        (torch.zeros(2, 3, 6, 9), "one by one"),
        (np.zeros((6, 9, 7), np.uint8), r"shape \(6, 9, 7\).*channels first"),
        (np.zeros((0, 9, 3), np.uint8), "at least one"),
        (np.zeros(9, np.uint8), r"shape \(9,\)"),
        (np.array([["a"]]), "dtype <U1"),
        (torch.zeros(3, 6, 9).to_sparse(), "sparse"),
        (torch.zeros(3, 6, 9, device="meta"), "meta tensor"),
        (torch.zeros(3, 6, 9, dtype=torch.int32), "dtype int32"),
        (b"hello there", "begins with"),
        (b"", "is empty"),
        ("", "the path of the picture is empty"),
        (io.BytesIO(b""), r"returned no bytes; .*call seek\(0\)"),
        (io.StringIO("text"), "returns text; open it in binary mode"),
        (gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(b"cut")[:-9])), "cannot be read from"),
        (torch.zeros(3, 4, 5, dtype=torch.complex64).conj(), "dtype complex64"),
        (torch.nested.nested_tensor([FLOATS], layout=torch.jagged), "nested or meta tensor"),
        (released(), "a released memoryview"),
        (closed(), "its file was closed first; call load"),
        (None, "an object of type NoneType was given as a picture; expected a path"),
        (7, "an object of type int was given"),
        (Image.new("L", (20_000, 20_000)), "400|at most"),
        (Image.open(io.BytesIO(PNG.getvalue()[:60])), "cannot be decoded"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused_with_what_is_expected(picture: object, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        to_pixels(picture)


def test_tensors_inside_a_transform_are_refused() -> None:
    with pytest.raises(PictureError, match="a tensor without an array of its own"):
        torch.func.vmap(to_pixels)(torch.zeros(2, 3, 6, 9))


def test_threads_leave_no_global_state_behind() -> None:
    """Pillow warns about some files; silencing it would change the filters of other threads."""
    contents = [content for content, _, _ in GOOD.values()] * 20
    filters, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    with ThreadPoolExecutor(6) as pool:
        parallel = list(pool.map(to_pixels, contents))
    assert (warnings.filters, Image.MAX_IMAGE_PIXELS) == (filters, limit)
    for pixels, content in zip(parallel, contents, strict=True):
        np.testing.assert_array_equal(pixels, to_pixels(content))
