"""The segments of JPEG files: metadata can be dropped, and the scans of cut files counted.

ITU-T T.81, B.1.1.3, "Marker assignments", and B.2, "General sequential and progressive syntax".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

ADOBE = 0xEE  # states how colours are coded, which pixels depend on
SCAN, END, COMMENT = 0xDA, 0xD9, 0xFE
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}  # starts of frames, of JPEG-LS too
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
UNREAD = {
    0xC3: "lossless JPEG", 0xC5: "hierarchical JPEG", 0xC7: "hierarchical JPEG",
    0xCB: "lossless JPEG", 0xCD: "hierarchical JPEG", 0xCF: "hierarchical JPEG", 0xF7: "JPEG-LS",
}  # fmt: skip
MAX_EXIF_BYTES = 65_536  # of one segment; several are no standard, and are read quadratically
COEFFICIENTS = 64


@dataclass(frozen=True)
class Segment:
    """A marker with its data: ``data`` lacks the marker and the length."""

    marker: int
    start: int
    end: int
    data: bytes

    @property
    def is_metadata(self) -> bool:
        """Pixels do not depend on it: a comment, or data of an application."""
        return self.marker == COMMENT or (0xE0 <= self.marker <= 0xEF and self.marker != ADOBE)


def segments(content: bytes) -> Iterator[Segment]:
    """Yield the segments up to the end of the picture or of the file; pixel data is passed over."""
    place = 2
    while 0 <= (place := content.find(b"\xff", place)) < len(content) - 3:
        marker = content[place + 1]
        if marker == END:
            return
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:  # no data follows
            place += 1 if marker == 0xFF else 2
            continue
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4])
        if end > len(content):
            return
        yield Segment(marker, place, end, content[place + 4 : end])
        place = max(end, place + 4)


def without_metadata(content: bytes) -> bytes:
    """Return a JPEG file without comments and application data, such as EXIF."""
    return _without(content, [one for one in _head(content) if one.is_metadata])


def with_short_exif(content: bytes) -> bytes:
    """Return a JPEG file without EXIF beyond ``MAX_EXIF_BYTES``, which is in further segments."""
    length, dropped = 0, []
    for segment in _head(content):
        if segment.marker == 0xE1 and segment.data.startswith(b"Exif\0"):
            length += len(segment.data)
            if length > MAX_EXIF_BYTES:
                dropped.append(segment)
    return _without(content, dropped) if dropped else content


def ends_early(content: bytes) -> bool:
    """Tell whether the end of the picture is missing; what follows it does not matter."""
    for segment in segments(content):
        if segment.marker == SCAN:
            return content.find(bytes([0xFF, END]), segment.end) < 0
    return True


def describe_unread(content: bytes) -> str | None:
    """Return what kind of JPEG it is if it is one that is not read, or None."""
    for segment in segments(content):
        if segment.marker in FRAMES and segment.data:
            bits = segment.data[0]
            if bits == 12 and segment.marker not in UNREAD:
                return "JPEG of 12 bits per channel"
            return UNREAD.get(segment.marker)
    return None


def all_scans_have_begun(content: bytes) -> bool:
    """Tell whether each coefficient of a file that is cut short has at least begun its last bit."""
    unfinished: set[tuple[int, int]] = set()
    begun: set[tuple[int, int]] = set()
    for segment in segments(content):
        if segment.marker in FRAMES and len(segment.data) > 5:
            names = segment.data[6::3]
            top = COEFFICIENTS if segment.marker in PROGRESSIVE else 1
            unfinished = {(name, number) for name in names for number in range(top)}
        elif segment.marker == SCAN:
            names, first, last, _, low = _scan(segment.data)
            if low == 0:
                begun |= {(name, number) for name in names for number in range(first, last + 1)}
    return bool(unfinished) and unfinished <= begun


def is_refined_last(content: bytes) -> bool:
    """Tell whether the last scan only adds a bit to coefficients that all pixels have already."""
    high = 0
    for segment in segments(content):
        if segment.marker == SCAN:
            high = _scan(segment.data)[3]
    return high > 0


def _head(content: bytes) -> Iterator[Segment]:
    """Yield the segments before the first scan."""
    return takewhile(lambda segment: segment.marker != SCAN, segments(content))


def _without(content: bytes, dropped: list[Segment]) -> bytes:
    kept, place = [], 0
    for segment in dropped:
        kept.append(content[place : segment.start])
        place = segment.end
    return b"".join([*kept, content[place:]])


def _scan(data: bytes) -> tuple[bytes, int, int, int, int]:
    """Return a scan's components, its range of coefficients, and its high and low bit."""
    count = data[0] if data else 0
    names, rest = data[1 : 1 + 2 * count : 2], data[1 + 2 * count :]
    if len(rest) < 3:
        return b"", 0, 0, 0, 0
    return names, rest[0], min(rest[1], COEFFICIENTS - 1), rest[2] >> 4, rest[2] & 15
