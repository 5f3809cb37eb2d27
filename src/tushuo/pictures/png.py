"""The chunks of PNG files: metadata can be dropped, and damage is named by its chunk.

PNG specification (third edition), 5.3, "Chunk layout", and 11.3, "Ancillary chunks".
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
METADATA = (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"pHYs", b"sPLT", b"hIST", b"dSIG")
AROUND_DATA = 12  # bytes of a chunk's length, type and checksum
MAX_CHUNKS = 100_000  # a file of 200 MB has fewer, and more take long to read
PART = 1 << 20  # bytes that are decompressed at a time


@dataclass(frozen=True)
class Chunk:
    """A chunk of a PNG file.

    Attributes:
        kind: its type, such as ``IDAT``.
        start: its first byte in the file.
        end: the byte behind its checksum, beyond the end of a file that is cut short.
        intact: its checksum is right; False where the file ends before it.
    """

    kind: bytes
    start: int
    end: int
    intact: bool

    @property
    def critical(self) -> bool:
        """Pixels depend on it: an upper-case first letter, or transparency."""
        return self.kind[:1].isupper() or self.kind == b"tRNS"


def chunks(content: bytes) -> Iterator[Chunk]:
    """Yield the chunks up to the end of the picture or of the file."""
    place, view = len(SIGNATURE), memoryview(content)
    while place + 8 <= len(content):
        kind = content[place + 4 : place + 8]
        end = place + int.from_bytes(content[place : place + 4]) + AROUND_DATA
        crc = zlib.crc32(view[place + 4 : end - 4])
        intact = end <= len(content) and crc == int.from_bytes(content[end - 4 : end])
        yield Chunk(kind=kind, start=place, end=end, intact=intact)
        if kind == b"IEND":
            return
        place = end


def without_metadata(content: bytes) -> bytes:
    """Return a PNG file without its texts, EXIF and damaged ancillary chunks."""
    return _kept(content, lambda chunk: chunk.kind not in METADATA and chunk.intact)


def pixels_alone(content: bytes) -> bytes:
    """Return a PNG file without any chunk that its pixels do not depend on."""
    return _kept(content, lambda chunk: False)


def describe_damage(content: bytes) -> str | None:
    """Return which chunk is damaged so that pixels are lost, or None.

    Wrong checksums of pixel data are no damage where the decompressed data has a right one.
    """
    first = None
    for number, chunk in enumerate(chunks(content), 1):
        first = first or chunk
        if number > MAX_CHUNKS:
            return f"it has more than {MAX_CHUNKS} chunks"
        if not chunk.kind.isalpha():
            return f"what follows byte {chunk.start} is no chunk"
        if chunk.critical and not chunk.intact and chunk.end <= len(content):
            if chunk.kind == b"IDAT" and _decompresses(content):
                continue
            kind = chunk.kind.decode("ascii")
            return f"its chunk {kind} at byte {chunk.start} does not match its checksum"
    if first is None or first.kind not in (b"IHDR", b"CgBI"):
        return "it does not begin with the chunk IHDR"
    return None


def ends_early(content: bytes) -> bool:
    """Tell whether the end of the picture is missing."""
    last = None
    for last in chunks(content):  # noqa: B007
        pass
    return last is None or last.kind != b"IEND"


def is_apple(content: bytes) -> bool:
    """Tell whether Xcode has optimised the file for iPhones, which only Apple's readers open."""
    return content[12:16] == b"CgBI"


def _kept(content: bytes, keep: Callable[[Chunk], bool]) -> bytes:
    kept = [content[c.start : c.end] for c in chunks(content) if c.critical or keep(c)]
    return b"".join([SIGNATURE, *kept])


def _decompresses(content: bytes) -> bool:
    """Tell whether all pixel data decompresses, and to what its own checksum says."""
    decoder = zlib.decompressobj()
    try:
        for chunk in chunks(content):
            data = content[chunk.start + 8 : chunk.end - 4] if chunk.kind == b"IDAT" else b""
            while data and not decoder.eof:
                decoder.decompress(data, PART)
                data = decoder.unconsumed_tail
    except zlib.error:
        return False
    return decoder.eof
