"""Check caption data before training on it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tushuo.data.record import Record
from tushuo.errors import PictureError
from tushuo.runtime import sha256

OpenPicture = Callable[[Path], np.ndarray]
SHOWN = 10  # examples named for each finding
SMALLEST_SIDE = 32  # pixels; smaller pictures are useless to an encoder
SHOWN_OF_GROUP = 3
BANDS = 8  # of 16 bits each, in a difference hash
CELLS = 9  # per side of the grid of a difference hash
CLOSE_COLOURS = 12.0  # of 255: largest difference of a cell between near duplicates
MAX_ASPECT_RATIO = 4.0


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """The findings; lists are complete, printed rows show the first names only."""

    pictures: int
    captions: int
    captions_per_picture: dict[int, int]
    splits: dict[str, int]
    words_shortest: int
    words_mean: float
    words_longest: int
    missing: list[str]
    undecodable: dict[str, str]
    odd: list[str]
    same_bytes: list[list[str]]
    near_duplicates: list[list[str]]
    duplicates_across_splits: list[list[str]]
    empty_captions: list[str]
    identical_captions: int
    warnings: list[str]
    fatal: list[str]


def check(
    records: Sequence[Record], *, open_picture: OpenPicture, decode: bool = True
) -> DataReport:
    """Count captions and pictures, open the pictures, and compare them.

    Args:
        records: the data.
        open_picture: opens one picture as RGB, HWC, uint8; raises PictureError.
        decode: open every picture; otherwise only check that its file exists.
    """
    missing = [str(record.path) for record in records if not record.path.is_file()]
    absent = set(missing)
    pictures = _Pictures(open_picture)
    if decode:
        for record in records:
            if str(record.path) not in absent:
                pictures.add(record)
    captions = [caption for record in records for caption in record.captions]
    lengths = [len(caption.split()) for caption in captions] or [0]
    near = pictures.near()
    across = [group for group in near if len({pictures.splits[n] for n in group}) > 1]
    empty = [str(r.image_id) for r in records if any(not c.strip() for c in r.captions)]
    return DataReport(
        pictures=len(records),
        captions=len(captions),
        captions_per_picture=dict(sorted(Counter(len(r.captions) for r in records).items())),
        splits=dict(Counter(record.split or "none" for record in records)),
        words_shortest=min(lengths),
        words_mean=round(sum(lengths) / len(lengths), 1),
        words_longest=max(lengths),
        missing=missing,
        undecodable=pictures.undecodable,
        odd=pictures.odd,
        same_bytes=pictures.same(),
        near_duplicates=near,
        duplicates_across_splits=across,
        empty_captions=empty,
        identical_captions=len(captions) - len(set(captions)),
        warnings=_warnings(missing, pictures, across, empty),
        fatal=_fatal(records, len(records) - len(missing) - len(pictures.undecodable)),
    )


def to_json(report: DataReport) -> dict[str, Any]:
    """Return the report as JSON values."""
    return asdict(report)


def rows(report: DataReport) -> list[tuple[str, str]]:
    """Return the report as rows of a table: what was checked, and the result."""

    def some(names: Sequence[object]) -> str:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"{len(names)}" + (f": {', '.join(map(str, names[:SHOWN]))}{more}" if names else "")

    def groups(groups: Sequence[list[str]]) -> str:
        """Name the first pictures of the first groups."""
        remaining = [f"{len(group) - SHOWN_OF_GROUP} more" for group in groups]
        texts = [
            " = ".join(group[:SHOWN_OF_GROUP] + [rest] * (len(group) > SHOWN_OF_GROUP))
            for group, rest in zip(groups, remaining, strict=True)
        ]
        return some(texts)

    counts = ", ".join(f"{n}: {count}" for n, count in report.captions_per_picture.items())
    length = f"{report.words_shortest} to {report.words_longest}, mean {report.words_mean}"
    return [
        ("pictures", str(report.pictures)),
        ("captions", str(report.captions)),
        ("captions per picture: pictures", counts),
        ("splits", ", ".join(f"{name} {count}" for name, count in report.splits.items())),
        ("words per caption, split at spaces", length),
        ("missing pictures", some(report.missing)),
        ("pictures that cannot be opened", some(list(report.undecodable))),
        ("very small or elongated pictures", some(report.odd)),
        ("same file more than once", groups(report.same_bytes)),
        ("near-duplicate pictures", groups(report.near_duplicates)),
        ("of these, in different splits", groups(report.duplicates_across_splits)),
        ("pictures with an empty caption", some(report.empty_captions)),
        ("captions identical to another", str(report.identical_captions)),
    ]


class _Pictures:
    """The pictures opened so far."""

    def __init__(self, open_picture: OpenPicture):
        self._open = open_picture
        self.undecodable: dict[str, str] = {}
        self.odd: list[str] = []
        self.splits: dict[str, str | None] = {}
        self._by_bytes: dict[str, list[str]] = defaultdict(list)
        self._hashes: dict[str, np.ndarray] = {}
        self._cells: list[np.ndarray] = []

    def add(self, record: Record) -> None:
        """Open a picture, and keep what is compared later."""
        name = str(record.image_id)
        try:
            picture = self._open(record.path)
        except PictureError as error:
            self.undecodable[str(record.path)] = str(error)
            return
        self.splits[name] = record.split
        height, width = picture.shape[:2]
        if min(height, width) < SMALLEST_SIDE or max(height, width) > MAX_ASPECT_RATIO * min(
            height, width
        ):
            self.odd.append(f"{name} {width}x{height}")
        self._by_bytes[sha256(record.path)].append(name)
        cells = mean_cells(picture)
        self._hashes[name] = difference_hash(cells)
        self._cells.append(cells.round().astype(np.uint8))

    def same(self) -> list[list[str]]:
        """Group pictures with identical files."""
        return [names for names in self._by_bytes.values() if len(names) > 1]

    def _differ(self, first: int, second: int) -> bool:
        """Return whether any cell has clearly different colours in two pictures."""
        cells = self._cells[first].astype(float) - self._cells[second]
        return bool(np.abs(cells).max() > CLOSE_COLOURS)

    def near(self) -> list[list[str]]:
        """Group pictures whose hashes differ in fewer bits than there are bands.

        Two such hashes agree in at least one band, so only pictures that share a band are compared;
        pictures with a clearly different cell are not grouped.
        """
        names = list(self._hashes)
        bands: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, hashed in enumerate(self._hashes.values()):
            for band in range(BANDS):
                bands[band, int(hashed[band])].append(number)
        hashes = np.stack(list(self._hashes.values())) if names else np.zeros((0, BANDS), np.uint16)
        group = list(range(len(names)))
        for members in bands.values():
            for place, first in enumerate(members[:-1]):
                rest = np.array(members[place + 1 :])
                bits = np.bitwise_count(hashes[rest] ^ hashes[first]).sum(axis=1)
                for second in rest[bits < BANDS]:
                    if self._differ(first, int(second)):
                        continue
                    low, high = sorted((group[first], group[second]))
                    group = [low if own == high else own for own in group] if low < high else group
        members_of: dict[int, list[str]] = defaultdict(list)
        for name, number in zip(names, group, strict=True):
            members_of[number].append(name)
        return [members for members in members_of.values() if len(members) > 1]


def mean_cells(picture: np.ndarray) -> np.ndarray:
    """Return the mean colour of each cell of a grid over a picture, (9, 9, 3)."""
    edges = [np.linspace(0, n, CELLS + 1).astype(int) for n in picture.shape[:2]]
    sums = np.add.reduceat(picture, edges[0][:-1], axis=0, dtype=np.int64)
    sums = np.add.reduceat(sums, edges[1][:-1], axis=1)
    areas = np.maximum(np.diff(edges[0]), 1)[:, None] * np.maximum(np.diff(edges[1]), 1)
    return sums / areas[:, :, None]


def difference_hash(cells: np.ndarray) -> np.ndarray:
    """Hash a picture by its appearance: 128 bits, whether each cell is brighter than the next.

    Krawetz' dHash over a grid of mean colours, horizontally and vertically, as 16-bit bands. Hashes
    that differ in few bits are likely near duplicates, such as other sizes or compressions; uniform
    pictures may collide.
    """
    grey = cells.mean(axis=2)
    across, down = grey[:-1, 1:] > grey[:-1, :-1], grey[1:, :-1] > grey[:-1, :-1]
    return np.packbits([across, down]).view(np.uint16)


def _fatal(records: Sequence[Record], usable: int) -> list[str]:
    """Return why training would fail."""
    reasons = []
    captioned = [record for record in records if record.captions]
    if not captioned:
        reasons.append("the data has no captions; training requires some")
    elif all(record.split for record in records) and not any(
        record.split == "train" for record in captioned
    ):
        reasons.append("the train split has no captions; training requires some")
    if usable < 2:
        reasons.append(f"{usable} of {len(records)} pictures can be opened; training requires two")
    return reasons


def _warnings(
    missing: list[str], pictures: _Pictures, across: list[list[str]], empty: list[str]
) -> list[str]:
    findings: list[tuple[Sequence[object], str]] = [
        (missing, "pictures are missing and will be skipped"),
        (list(pictures.undecodable), "pictures cannot be opened and will be skipped"),
        (across, "groups of near duplicates span several splits; scores will be too high"),
        (empty, "pictures have an empty caption"),
    ]
    return [f"{len(names)} {text}" for names, text in findings if names]
