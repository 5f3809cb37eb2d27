"""The chunks of PNG files: metadata can be dropped, so that damage in it never costs the pixels.

PNG specification (third edition), 5.3, "Chunk layout", and 11.3, "Ancillary chunks".
"""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
METADATA = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf")
AROUND_DATA = 12  # bytes of a chunk's length, type and checksum


def is_png(content: bytes) -> bool:
    """Tell whether a file begins as PNG files do."""
    return content.startswith(SIGNATURE)


def without_metadata(content: bytes) -> bytes:
    """Return a PNG file without its texts, colour profile and EXIF."""
    kept, place = [SIGNATURE], len(SIGNATURE)
    while place < len(content):
        end = place + int.from_bytes(content[place : place + 4]) + AROUND_DATA
        if content[place + 4 : place + 8] not in METADATA:
            kept.append(content[place:end])
        place = end
    return b"".join(kept)
