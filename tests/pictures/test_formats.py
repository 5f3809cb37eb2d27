"""Formats are recognised by their first bytes; what is not read is called by its name."""

import io

import pytest
from PIL import Image

from tushuo.errors import PictureError
from tushuo.pictures.formats import FORMATS, HEAD_BYTES, describe_other, recognise
from tushuo.pictures.opening import open_picture


def encoded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (20, 10), 7).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_what_pillow_writes_is_recognised(kind: str) -> None:
    assert recognise(encoded(kind)[:HEAD_BYTES]) == kind
    assert recognise(encoded(kind)[:3]) in (None, "JPEG")


def test_a_brand_of_heif_with_avif_inside_is_avif() -> None:
    content = encoded("AVIF")
    assert recognise(content[:8] + b"mif1" + content[12:]) == "AVIF"
    assert recognise(b"\0\0\0\x18ftypheic\0\0\0\0mif1avif") is None


def ftyp(brand: bytes) -> bytes:
    return b"\0\0\0\x14ftyp" + brand + b"\0\0\0\0" + brand


NAMED = {
    "HEIC picture": ftyp(b"heic"), "HEIF picture": ftyp(b"mif1"), "video ('isom')": ftyp(b"isom"),
    "video ('qt')": ftyp(b"qt  "), "camera raw file (CR3)": ftyp(b"crx "),
    "camera raw file (CR2)": b"II*\0\x10\0\0\0CR\2\0" + bytes(99),
    "camera raw file (RAF)": b"FUJIFILMCCD-RAW 0201",
    "JPEG XL picture": b"\xff\x0a\xfa", "JPEG 2000 picture": encoded("JPEG2000"),
    "PDF document": encoded("PDF"), "Photoshop file": b"8BPS\0\1", "icon (ICO)": encoded("ICO"),
    "video (AVI)": b"RIFF\0\0\0\0AVI LIST", "video (Matroska or WebM)": b"\x1aE\xdf\xa3\x01",
    "SVG drawing": b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n<svg/>",
    "web page": b"\n<!DOCTYPE html><svg", "XML": b"<?xml version='1.0'?><Error>denied</Error>",
    "Netpbm picture": encoded("PPM"), "TGA picture": encoded("TGA"), "PCX picture": encoded("PCX"),
    "headless bitmap (DIB)": encoded("DIB"), "ZIP archive": b"PK\3\4\x14", "gzip": b"\x1f\x8b\x08",
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
    "AppleDouble": b"\0\5\x16\7\0\2\0\0", "NumPy array": b"\x93NUMPY\1\0",
}  # fmt: skip


@pytest.mark.parametrize("what", NAMED)
def test_other_formats_are_named_in_one_sentence(what: str) -> None:
    with pytest.raises(PictureError) as caught:
        open_picture(NAMED[what])
    message = str(caught.value)
    assert what.removeprefix("a ") in message
    assert "\n" not in message
    assert ". " not in message
    assert ";" in message  # what to do


@pytest.mark.parametrize("content", [b"hello there", bytes(500), b"", b"{}", b"a,b\n1,2\n" * 9])
def test_what_is_unknown_has_no_name(content: bytes) -> None:
    assert describe_other(content) is None
    assert recognise(content) is None
