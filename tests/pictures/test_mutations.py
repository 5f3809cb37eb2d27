"""Thousands of damaged files: each ends as pixels within the limits or as one sentence.

They run in a process of their own, which a crash, a hang or a lack of memory would end.
"""

import io
import json
import resource
import signal
import struct
import subprocess
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.pictures.builders import SIGNATURE, chunk, png, tiff
from tushuo.errors import PictureError
from tushuo.pictures.formats import recognise
from tushuo.pictures.opening import MAX_PIXELS, open_picture
from tushuo.pictures.png import chunks

FILES = 2000
SECONDS_PER_FILE = 5  # of the processor
MEMORY_BYTES = 3_000_000_000
EXTREMES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 9_000, 60_000)

RGB = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
RGB[:12] //= 32
IMAGE = Image.fromarray(RGB)


def encoded(kind: str, image: Image.Image = IMAGE, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_metadata(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    return encoded(kind, exif=exif, icc_profile=b"profile" * 30, xmp=b"<xmp/>")


def frames() -> dict[str, object]:
    return {"save_all": True, "append_images": [IMAGE.rotate(90), IMAGE.rotate(180)]}


def seeds() -> list[bytes]:
    """Write small files of every format that is read, and of every way in which it is stored."""
    deep = RGB.astype(np.uint16) * 16
    compressions = ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg")
    return [
        encoded("JPEG"), encoded("JPEG", progressive=True), encoded("JPEG", subsampling=0),
        encoded("JPEG", IMAGE.convert("CMYK")), encoded("JPEG", IMAGE.convert("L")),
        with_metadata("JPEG"), encoded("MPO", **frames()),
        encoded("PNG"), encoded("PNG", IMAGE.convert("P")), encoded("PNG", IMAGE.convert("1")),
        encoded("PNG", IMAGE.convert("LA")), encoded("PNG", **frames()), with_metadata("PNG"),
        png(deep), png(deep[..., :2]), png(RGB, interlaced=True),
        png(RGB, extra=chunk(b"gAMA", b"\0\1\x86\xa0")),
        png(RGB, extra=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"b"))),
        encoded("GIF"), encoded("GIF", **frames()),
        encoded("GIF", IMAGE.convert("P"), transparency=1),
        encoded("WEBP"), encoded("WEBP", lossless=True), encoded("WEBP", **frames()),
        encoded("WEBP", IMAGE.convert("RGBA")), with_metadata("WEBP"),
        encoded("AVIF"), encoded("AVIF", IMAGE.convert("RGBA")), encoded("AVIF", **frames()),
        encoded("BMP"), encoded("BMP", IMAGE.convert("P")), encoded("BMP", IMAGE.convert("1")),
        *(encoded("TIFF", compression=one) for one in compressions),
        encoded("TIFF", IMAGE.convert("1"), compression="group4"), encoded("TIFF", **frames()),
        encoded("TIFF", IMAGE.convert("LAB")), encoded("TIFF", IMAGE.convert("F")),
        tiff(deep, deflate=True, planar=True), tiff(RGB / np.float32(255)),
    ]  # fmt: skip


Draw = np.random.Generator


def change_bytes(content: bytearray, draw: Draw, _: list[bytes]) -> bytes:
    for place in draw.integers(8, len(content), size=draw.integers(1, 9)):
        content[place] = draw.integers(256)
    return bytes(content)


def change_head(content: bytearray, draw: Draw, _: list[bytes]) -> bytes:
    """Set a number among the first bytes, where sizes are, to an extreme one."""
    width = int(draw.choice([2, 4]))
    place = int(draw.integers(4, min(len(content), 160) - 4))
    order = "big" if draw.integers(2) else "little"
    value = int(draw.choice(EXTREMES)) % 256**width
    content[place : place + width] = value.to_bytes(width, order)
    return bytes(content)


def cut(content: bytearray, draw: Draw, _: list[bytes]) -> bytes:
    return bytes(content[: draw.integers(1, len(content))])


def insert(content: bytearray, draw: Draw, _: list[bytes]) -> bytes:
    place = draw.integers(1, len(content))
    return bytes(content[:place]) + draw.bytes(draw.integers(1, 40)) + bytes(content[place:])


def double(content: bytearray, draw: Draw, _: list[bytes]) -> bytes:
    start, end = sorted(draw.integers(0, len(content) + 1, size=2))
    return bytes(content[:end]) + bytes(content[start:])


def leave_out(content: bytearray, draw: Draw, _: list[bytes]) -> bytes:
    start = draw.integers(8, len(content))
    return bytes(content[:start]) + bytes(content[start + draw.integers(1, 60) :])


def splice(content: bytearray, draw: Draw, others: list[bytes]) -> bytes:
    other = others[draw.integers(len(others))]
    place = draw.integers(1, min(len(content), len(other)))
    return bytes(content[:place]) + other[place:]


def swap_head(content: bytearray, draw: Draw, others: list[bytes]) -> bytes:
    other = others[draw.integers(len(others))]
    length = int(draw.choice([4, 8, 12, 16, 32]))
    return other[:length] + bytes(content[length:])


MUTATIONS: list[Callable[[bytearray, Draw, list[bytes]], bytes]] = [
    change_bytes, change_bytes, change_head, change_head, cut, insert, double, leave_out, splice,
    swap_head,
]  # fmt: skip


def with_checksums(content: bytes) -> bytes:
    """Write the chunks of a PNG file again, so that damage reaches what reads them."""
    parts = [(one.kind, content[one.start + 8 : one.end - 4]) for one in chunks(content)]
    return SIGNATURE + b"".join(chunk(kind, data) for kind, data in parts)


def mutated(count: int) -> list[bytes]:
    draw, sources = np.random.default_rng(1), seeds()
    files = []
    for number in range(count):
        content = sources[number % len(sources)]
        for _ in range(draw.integers(1, 3)):
            mutation = MUTATIONS[draw.integers(len(MUTATIONS))]
            content = mutation(bytearray(content), draw, sources)
            if len(content) < 200:
                break
        if recognise(content) == "PNG" and draw.integers(2):
            content = with_checksums(content)
        files.append(content)
    return files


def bombs() -> list[bytes]:
    """Write small files that claim much: pixels, frames, metadata, overlapping entries."""
    size = struct.pack(">II", 30_000, 30_000)
    huge_png = encoded("PNG").replace(struct.pack(">II", 24, 20), size)
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(60_000_000)))
    entry = struct.pack("<HHII", 700, 1, 60_000, 8)
    overlapping = struct.pack("<H", 5000) + entry * 5000
    exif = b"Exif\0\0II*\0\x08\0\0\0" + overlapping
    jpeg = encoded("JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    comment = b"\x21\xfe" + (b"\xff" + bytes([65]) * 255) * 30_000 + b"\0"
    gif = encoded("GIF")
    at = 13 + 3 * 2 ** (gif[10] % 8 + 1)  # behind the palette
    strips = tiff(np.zeros((3000, 3000, 3), np.uint16), deflate=True)
    width = struct.pack("<HHI", 256, 4, 1)
    huge_tiff = strips.replace(width + struct.pack("<I", 3000), width + struct.pack("<I", 33_000))
    webp = encoded("WEBP", IMAGE.convert("RGBA"))
    return [
        with_checksums(huge_png), png(RGB, extra=text * 20),
        png(RGB, extra=chunk(b"eXIf", exif[6:])),
        jpeg[:2] + segment + jpeg[2:], jpeg[:2] + segment * 900 + jpeg[2:],
        gif[:6] + b"\xff\xff\xff\xff" + gif[10:], gif[:6] + b"\x10\x27\x0f\x27" + gif[10:],
        gif[:at] + b"\x21\xf9\4\0\0\0\0\0" * 100_000 + gif[at:], gif[:at] + comment + gif[at:],
        b"II*\0\x08\0\0\0" + overlapping * 9, huge_tiff, strips,
        webp[:24] + b"\xff" * 6 + webp[30:],
        png(np.zeros((9990, 9990, 1), np.uint8)),
    ]  # fmt: skip


def outcome(content: bytes) -> str:
    try:
        pixels = open_picture(content)
    except PictureError as error:
        message = str(error)
        assert message, "no message"
        assert "\n" not in message, message
        assert ". " not in message, message
        assert " object at 0x" not in message, message
        return "refused"
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    assert 0 < pixels.shape[0] * pixels.shape[1] <= MAX_PIXELS
    return "opened"


def run(files: list[bytes]) -> None:
    """Open each; an exceeded limit ends the process, with the file's number in the output."""
    resource.setrlimit(resource.RLIMIT_AS, (2 * MEMORY_BYTES, 2 * MEMORY_BYTES))
    warnings.simplefilter("ignore")
    counts, slowest = Counter[str](), (0.0, 0)
    for number, content in enumerate(files):
        print(number, file=sys.stderr, flush=True)
        signal.setitimer(
            signal.ITIMER_PROF, SECONDS_PER_FILE
        )  # ends the process, even in a decoder
        start = time.process_time()
        counts[outcome(content)] += 1
        slowest = max(slowest, (time.process_time() - start, number))
    signal.setitimer(signal.ITIMER_PROF, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**counts, "peak": peak, "slowest": slowest}))


def run_apart(name: str) -> dict[str, int]:
    code = f"from tests.pictures import test_mutations as t; t.run(t.{name})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    return json.loads(done.stdout)


def test_mutated_files_end_as_pixels_or_as_one_sentence() -> None:
    counts = run_apart(f"mutated({FILES})")
    assert counts["opened"] + counts["refused"] == FILES
    assert counts["opened"] > FILES // 10
    assert counts["refused"] > FILES // 10
    assert counts["peak"] < MEMORY_BYTES


def test_small_files_that_claim_much_take_little() -> None:
    counts = run_apart("bombs()")
    assert counts["opened"] + counts["refused"] == len(bombs())
    assert counts["opened"] > 0
    assert counts["peak"] < MEMORY_BYTES
