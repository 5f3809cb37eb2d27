"""Recognise file formats by their first bytes: those that are read, and others by their names."""

import re

# The formats that are read, as Pillow calls them.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")
HEAD_BYTES = 512  # enough of a file to recognise its format

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: more than 4 GB possible
BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # sizes of the header, by version

SAVE = "save it as JPEG or PNG"
PAGE = "save a page of it as JPEG or PNG"
FRAME = "save a frame of it as JPEG or PNG"
DEVELOP = "export it as JPEG from the program that develops it"
UNPACK = "unpack it and name the pictures in it"

# Files of the ISO base media format, by brand.
BRANDS = {
    b"heic": "a HEIC picture", b"heix": "a HEIC picture", b"hevc": "a HEIC sequence",
    b"hevx": "a HEIC sequence", b"heim": "a HEIC picture", b"heis": "a HEIC picture",
    b"mif1": "a HEIF picture", b"msf1": "a HEIF sequence", b"crx ": "a camera raw file (CR3)",
}  # fmt: skip

# Offset, signature, what it is, what to do.
OTHERS = (
    (0, b"\xff\x0a", "a JPEG XL picture", SAVE),
    (4, b"JXL \r\n\x87\n", "a JPEG XL picture", SAVE),
    (4, b"jP  \r\n\x87\n", "a JPEG 2000 picture", SAVE),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture", SAVE),
    (0, b"II\xbc\x01", "a JPEG XR picture", SAVE),
    (0, b"8BPS", "a Photoshop file (PSD)", SAVE),
    (0, b"gimp xcf", "a GIMP file (XCF)", SAVE),
    (0, b"%PDF-", "a PDF document", PAGE),
    (0, b"%!PS", "a PostScript document", PAGE),
    (0, b"\xc5\xd0\xd3\xc6", "an EPS drawing", SAVE),
    (0, b"\xd7\xcd\xc6\x9a", "a WMF drawing", SAVE),
    (40, b" EMF", "an EMF drawing", SAVE),
    (0, b"\0\0\1\0", "an icon (ICO)", SAVE),
    (0, b"\0\0\2\0\1\0", "a cursor (CUR)", SAVE),
    (0, b"icns", "an icon (ICNS)", SAVE),
    (0, b"qoif", "a QOI picture", SAVE),
    (0, b"BPG\xfb", "a BPG picture", SAVE),
    (0, b"FLIF", "a FLIF picture", SAVE),
    (0, b"DDS ", "a DDS texture", SAVE),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture", SAVE),
    (0, b"#?RADIANCE", "a Radiance HDR picture", SAVE),
    (0, b"SIMPLE  =", "a FITS file", SAVE),
    (128, b"DICM", "a DICOM file", SAVE),
    (0, b"AT&TFORM", "a DjVu document", PAGE),
    (0, b"\x8aMNG\r\n\x1a\n", "an MNG animation", FRAME),
    (0, b"\x8bJNG\r\n\x1a\n", "a JNG picture", SAVE),
    (0, b"FUJIFILMCCD-RAW", "a camera raw file (RAF)", DEVELOP),
    (0, b"IIRO", "a camera raw file (ORF)", DEVELOP),
    (0, b"IIRS", "a camera raw file (ORF)", DEVELOP),
    (0, b"MMOR", "a camera raw file (ORF)", DEVELOP),
    (0, b"IIU\0", "a camera raw file (RW2)", DEVELOP),
    (0, b"FOVb", "a camera raw file (X3F)", DEVELOP),
    (6, b"HEAPCCDR", "a camera raw file (CRW)", DEVELOP),
    (8, b"CR\2\0", "a camera raw file (CR2)", DEVELOP),
    (8, b"AVI ", "a video (AVI)", FRAME),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska or WebM)", FRAME),
    (0, b"FLV\1", "a video (FLV)", FRAME),
    (0, b"OggS", "an Ogg video or sound", FRAME),
    (0, b"\0\0\1\xba", "a video (MPEG)", FRAME),
    (0, b"\0\0\1\xb3", "a video (MPEG)", FRAME),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a video (WMV)", FRAME),
    (4, b"moov", "a video (QuickTime)", FRAME),
    (4, b"mdat", "a video (QuickTime)", FRAME),
    (4, b"wide", "a video (QuickTime)", FRAME),
    (0, b"PK\3\4", "a ZIP archive or an Office document", UNPACK),
    (0, b"\x1f\x8b", "a gzip archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document", PAGE),
    (0, b"\x93NUMPY", "a NumPy array", "load it with numpy.load and pass the array"),
    (0, b"\0\5\x16\7", "macOS metadata of another file (AppleDouble)", "name that file"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself", "run git lfs pull"),
)  # fmt: skip
# The same for formats without a signature, by the values that their headers can have.
HEADERS = (
    (rb"P[1-7][\s#]", "a Netpbm picture (PBM, PGM, PPM or PAM)"),
    (rb"\n[\x00-\x05]\x01[\x01\x02\x04\x08]", "a PCX picture"),
    (rb"\x28\x00{3}.{8}\x01\x00[\x01\x04\x08\x10\x18\x20]\x00", "a headless bitmap (DIB)"),
    (rb".[\x00\x01][\x01-\x03\x09-\x0b].{13}[\x08\x0f\x10\x18\x20]", "a TGA picture"),
)
HTML = (b"<!doctype html", b"<html", b"<head", b"<body")


def recognise(content: bytes) -> str | None:
    """Return which of ``FORMATS`` a file begins as, or None; a few hundred bytes are enough."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and _is_avif(content):
        return "AVIF"
    if content.startswith(b"BM") and int.from_bytes(content[14:18], "little") in BMP_HEADERS:
        return "BMP"
    if content.startswith(TIFF_STARTS) and content[8:12] != b"CR\2\0":
        return "TIFF"
    return None


def describe_other(content: bytes) -> str | None:
    """Return the end of an error message about a format that is not read, or None if unknown."""
    if content[4:8] == b"ftyp":
        what = BRANDS.get(content[8:12])
        if what is None:
            brand = content[8:12].decode("ascii", errors="replace").strip()
            return f"is a video ({brand!r}), which is not read; {FRAME}"
        return f"is {what}, which is not read; {DEVELOP if 'raw' in what else SAVE}"
    for offset, signature, what, advice in OTHERS:
        if content.startswith(signature, offset):
            return f"is {what}, which is not read; {advice}"
    return _describe_start(content)


def _describe_start(content: bytes) -> str | None:
    start = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    is_markup = start.startswith(b"<")
    is_drawing = is_markup and b"<svg" in start and not start.startswith(HTML)
    if is_drawing:
        return f"is an SVG drawing, which is not read; {SAVE}"
    if is_markup and (start.startswith(HTML) or b"<html" in start):
        return "is not a picture but a web page; was the download refused?"
    if start.startswith((b"<?xml", b"<!doctype")):
        return "is not a picture but XML; was the download refused?"
    for header, what in HEADERS:
        if re.match(header, content, re.DOTALL):
            return f"is {what}, which is not read; {SAVE}"
    return None


def _is_avif(content: bytes) -> bool:
    """Look for the brand of AVIF among the major brand and the compatible ones."""
    end = min(int.from_bytes(content[:4]), HEAD_BYTES)
    brands = [content[8:12], *(content[i : i + 4] for i in range(16, end, 4))]
    heic = content[8:12] in BRANDS and content[8:12] not in (b"mif1", b"msf1")
    return not heic and (b"avif" in brands or b"avis" in brands)
