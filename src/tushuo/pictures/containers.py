"""The containers of WebP and AVIF: metadata can be dropped, and cut files filled up.

WebP: RFC 9649, 2.3 to 2.7. AVIF: ISO/IEC 14496-12, 4.2, boxes, and 8.11.6, item information.
"""

from collections.abc import Iterator

WEBP_HEAD = 12  # bytes of RIFF, the size, and WEBP
ALPHA_FLAG, ANIMATION_FLAG = 0x10, 0x02  # of VP8X; the others announce metadata or a profile
ANIMATION_CHUNKS = (b"VP8X", b"ANIM", b"ANMF")
PIXEL_CHUNKS = (b"ALPH", b"VP8 ", b"VP8L")
BOX_HEAD = 8


def webp_without_metadata(content: bytes) -> bytes:
    """Return a WebP file with its pixels alone, of an animation with the frames that are whole."""
    kept = []
    for kind, start, end in _webp_chunks(content):
        if kind == b"ANIM":
            return _whole_frames(content)
        if kind == b"VP8X":
            flags = bytes([content[start + 8] & ALPHA_FLAG]) if end > start + 8 else b""
            kept.append(content[start : start + 8] + flags + content[start + 9 : end])
        elif kind in PIXEL_CHUNKS:
            kept.append(content[start:end])
    return _riff(b"".join(kept))


def webp_ends_early(content: bytes) -> bool:
    """Tell whether a WebP file is shorter than it states."""
    return len(content) < int.from_bytes(content[4:8], "little") + 8


def webp_filled_up(content: bytes, filling: int) -> bytes | None:
    """Fill up a file that is cut short in its pixels, with bytes of one value.

    They are as many as the file has, since a decoder fails where they run out. Returns None for a
    file that is cut in another chunk.
    """
    for kind, start, end in _webp_chunks(content):
        if end > len(content) and kind in (b"VP8 ", b"VP8L"):
            pixels = content[start + 8 :] + bytes([filling]) * (len(content) + len(content) % 2)
            pixels += bytes([filling]) * (len(pixels) % 2)
            return _riff(content[WEBP_HEAD : start + 4] + _size(pixels) + pixels)
    return None


def avif_without_exif(content: bytes) -> bytes:
    """Return an AVIF file whose EXIF item has another type, so that readers pass over it."""
    place = 0
    while place + BOX_HEAD <= len(content):
        size = int.from_bytes(content[place : place + 4])
        end = place + size
        if content[place + 4 : place + 8] == b"meta":
            return content[:place] + content[place:end].replace(b"Exif", b"skip") + content[end:]
        if size < BOX_HEAD:  # up to the end of the file, or larger than 4 GB
            break
        place = end
    return content


def _whole_frames(content: bytes) -> bytes:
    chunks = [chunk for chunk in _webp_chunks(content) if chunk[2] <= len(content)]
    kept = [content[start:end] for kind, start, end in chunks if kind in ANIMATION_CHUNKS]
    if kept and kept[0].startswith(b"VP8X"):
        flags = kept[0][8] & (ALPHA_FLAG | ANIMATION_FLAG)
        kept[0] = kept[0][:8] + bytes([flags]) + kept[0][9:]
    return _riff(b"".join(kept))


def _riff(chunks: bytes) -> bytes:
    return b"RIFF" + _size(b"WEBP" + chunks) + b"WEBP" + chunks


def _size(content: bytes) -> bytes:
    return len(content).to_bytes(4, "little")


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's type, its start, and its end with padding."""
    place = WEBP_HEAD
    while place + 8 <= len(content):
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        end = place + 8 + size + size % 2
        yield content[place : place + 4], place, end
        place = end
