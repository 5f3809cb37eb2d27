"""Write files that Pillow cannot write: PNG of 16 bits per channel, interlaced PNG, any TIFF."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
         (1, 0, 2, 1)]  # fmt: skip
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels


def chunk(kind: bytes, data: bytes, checksum: int | None = None) -> bytes:
    crc = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def png(pixels: np.ndarray, *, extra: bytes = b"", interlaced: bool = False) -> bytes:
    """Write "height width channels" of uint8 or uint16, with further chunks behind the header."""
    height, width, channels = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, bits, COLOUR_TYPES[channels], 0, 0, interlaced)
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    big = pixels.astype(pixels.dtype.newbyteorder(">"))
    parts = [big[y::dy, x::dx] for y, x, dy, dx in passes]
    rows = b"".join(b"\0" + row.tobytes() for part in parts for row in part if row.size)
    data = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return SIGNATURE + chunk(b"IHDR", header) + extra + data


def tiff(
    samples: np.ndarray,
    *,
    photometric: int = 2,
    planar: bool = False,
    deflate: bool = False,
    rows_per_strip: int | None = None,
    extra: dict[int, tuple[int, list[int]]] | None = None,
) -> bytes:
    """Write "height width channels" of any number type; ``extra`` has further or other tags."""
    height, width, channels = samples.shape
    order = ">" if samples.dtype.byteorder == ">" else "<"
    rows = rows_per_strip or height
    planes = [samples[..., k] for k in range(channels)] if planar else [samples]
    strips = [
        plane[top : top + rows].tobytes() for plane in planes for top in range(0, height, rows)
    ]
    strips = [zlib.compress(strip) if deflate else strip for strip in strips]
    starts = [8 + sum(map(len, strips[:number])) for number in range(len(strips))]
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    tags = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [8 * samples.dtype.itemsize] * channels),
        259: (3, [8 if deflate else 1]), 262: (3, [photometric]), 273: (4, starts),
        277: (3, [channels]), 278: (4, [rows]), 279: (4, [len(strip) for strip in strips]),
        284: (3, [2 if planar else 1]), 339: (3, [kind] * channels), **(extra or {}),
    }  # fmt: skip
    return with_directory(order, b"".join(strips), tags)


def with_directory(order: str, body: bytes, tags: dict[int, tuple[int, list[int]]]) -> bytes:
    """Write a TIFF file: the header, a body that begins at byte 8, and the directory."""
    body += b"\0" * (len(body) % 2)
    place = 8 + len(body) + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag, (kind, numbers) in sorted(tags.items()):
        packed = b"".join(struct.pack(order + {3: "H", 4: "I", 7: "B"}[kind], n) for n in numbers)
        value = packed.ljust(4, b"\0")
        if len(packed) > 4:
            value = struct.pack(order + "I", place + len(values))
            values += packed
        entries += struct.pack(order + "HHI", tag, kind, len(numbers)) + value
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(body))
    return head + body + struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0" + values
