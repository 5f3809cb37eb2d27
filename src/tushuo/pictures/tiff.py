"""The first directory of TIFF files and of EXIF data: what it claims is checked before it is read.

TIFF 6.0, section 2, "TIFF structure". The readers of Pillow copy whatever an entry claims, so that
entries which overlap could claim terabytes.
"""

import struct
from dataclasses import dataclass

WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
WIDTH, HEIGHT = 256, 257
SUBFILE, BITS, COMPRESSION, PHOTOMETRIC, SUB_DIRECTORIES = 254, 258, 259, 262, 330
TILE_WIDTH, TILE_HEIGHT, SAMPLE_FORMAT, DNG = 322, 323, 339, 50706
RAW_COLOURS = (32803, 34892)  # colour filter array, linear raw
KINDS = {1: "integers", 2: "signed integers", 3: "floats"}
MAX_VALUES = 64  # of an entry that is read; only lists of strips have more
STRIPS, TILES = (273, 279), (324, 325)  # offsets and lengths
# What pixels and their colours depend on; the rest is metadata.
PIXEL_TAGS = {254, *range(256, 260), 262, 263, 266, 273, 274, *range(277, 280), 284, 292, 293, 301,
              317, 318, 319, *range(320, 326), 332, 334, *range(338, 343), 347, *range(512, 522),
              *range(529, 533), 34675}  # fmt: skip
ORIENTATION = 274


@dataclass(frozen=True)
class Directory:
    """The first directory.

    Attributes:
        order: its byte order, ``<`` or ``>``.
        big: the file is a BigTIFF.
        values: the values of entries that are unsigned numbers, by tag.
        claimed: bytes that all entries claim outside the directory.
        places: start and length of these bytes, by tag.
        entries: tag, claimed bytes and the bytes of each entry.
    """

    order: str
    big: bool
    values: dict[int, tuple[int, ...]]
    claimed: int
    places: dict[int, tuple[int, int]]
    entries: list[tuple[int, int, bytes]]

    def first(self, tag: int, default: int = 0) -> int:
        """Return the first value of an entry."""
        return (self.values.get(tag) or (default,))[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, 0 where they are missing."""
        return self.first(WIDTH), self.first(HEIGHT)

    def data(self, content: bytes, tag: int) -> bytes:
        """Return the bytes of an entry, empty if there is none."""
        start, length = self.places.get(tag, (0, 0))
        return content[start : start + length]


def read_directory(content: bytes) -> Directory | None:
    """Read the first directory of a TIFF file or of EXIF data, or None if there is none."""
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None:
        return None
    try:
        return _read(content, order, big=struct.unpack_from(order + "H", content, 2)[0] == 43)
    except struct.error:
        return None


def pixels_alone(content: bytes) -> bytes:
    """Return a TIFF file without metadata: with another first directory, at its end.

    Entries of a tag that occurred before are dropped too, and those that claim more than the file.
    A file that is cut short stays as it is, since its pixels would go on in that directory.
    """
    directory = read_directory(content)
    if directory is None or _lacks_pixels(directory, len(content)):
        return content
    kept = {}
    for tag, length, entry in directory.entries:
        if tag in PIXEL_TAGS and tag not in kept and length <= len(content):
            kept[tag] = entry
    word, count, place = ("Q", "Q", 8) if directory.big else ("I", "H", 4)
    start = struct.pack(directory.order + word, len(content) + len(content) % 2)
    head = content[:place] + start + content[place + len(start) :] + b"\0" * (len(content) % 2)
    number = struct.pack(directory.order + count, len(kept))
    return head + number + b"".join(kept.values()) + bytes(len(start))


def is_camera_raw(directory: Directory) -> bool:
    """Tell whether the file is a DNG, NEF, ARW or similar, whose first picture is a thumbnail."""
    thumbnail = directory.first(SUBFILE) & 1 and SUB_DIRECTORIES in directory.values
    raw = directory.first(PHOTOMETRIC) in RAW_COLOURS or DNG in directory.values
    return bool(thumbnail or raw)


def describe_kind(directory: Directory) -> str:
    """Describe how a TIFF file stores its pixels."""
    bits = directory.values.get(BITS, (1,))
    kind = KINDS.get(directory.first(SAMPLE_FORMAT, 1), "values of an unknown kind")
    return (
        f"{len(bits)} x {bits[0]}-bit {kind}, photometric interpretation "
        f"{directory.first(PHOTOMETRIC)}, compression {directory.first(COMPRESSION, 1)}"
    )


def tile_pixels(directory: Directory) -> int:
    """Return the pixels of one tile, 0 for files without tiles."""
    return directory.first(TILE_WIDTH) * directory.first(TILE_HEIGHT)


def _lacks_pixels(directory: Directory, length: int) -> bool:
    pairs = [
        pair
        for offsets, counts in (STRIPS, TILES)
        for pair in zip(
            directory.values.get(offsets, ()), directory.values.get(counts, ()), strict=False
        )
    ]
    return any(sum(pair) > length for pair in pairs)


def _read(content: bytes, order: str, *, big: bool) -> Directory:
    word, count_of = ("Q", "Q") if big else ("I", "H")
    (place,) = struct.unpack_from(order + word, content, 8 if big else 4)
    (entries,) = struct.unpack_from(order + count_of, content, place)
    place += struct.calcsize(count_of)
    inline = struct.calcsize(word)
    size = 4 + 2 * inline
    values: dict[int, tuple[int, ...]] = {}
    places: dict[int, tuple[int, int]] = {}
    found: list[tuple[int, int, bytes]] = []
    for start in range(place, min(place + entries * size, len(content) - size + 1), size):
        tag, kind = struct.unpack_from(order + "HH", content, start)
        (count,) = struct.unpack_from(order + word, content, start + 4)
        length = count * WIDTHS.get(kind, 1)
        at = start + 4 + inline
        if length > inline:
            (at,) = struct.unpack_from(order + word, content, at)
            places.setdefault(tag, (at, length))
        found.append((tag, length if length > inline else 0, content[start : start + size]))
        few = count if tag in (*STRIPS, *TILES) else min(count, MAX_VALUES)
        readable = kind in NUMBERS and few and at + few * WIDTHS[kind] <= len(content)
        if readable and tag not in values:
            values[tag] = struct.unpack_from(f"{order}{few}{NUMBERS[kind]}", content, at)
    claimed = sum(length for _, length, _ in found)
    return Directory(order, big, values, claimed, places, found)
