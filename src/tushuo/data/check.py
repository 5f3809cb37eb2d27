"""Look data over before hours are spent on it."""

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
SHOWN = 10  # examples named in each kind of finding
SMALLEST_SIDE = 32  # pixels; smaller ones show an encoder nothing
SHOWN_OF_GROUP = 3
BANDS = 8  # of 16 bits, in a difference hash
CELLS = 9  # a side: the grid of a difference hash
CLOSE_COLOURS = 12.0  # of 255: no cell of a near duplicate differs more
LONGEST_SHAPE = 4.0  # width to height, or height to width


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """What a look at the data found; lists of names are whole, texts show the first ones."""

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
    """Count, open and compare everything.

    Args:
        records: the data.
        open_picture: opens one picture as RGB, HWC, uint8; raises PictureError.
        decode: open every picture; without it only its being there is looked at.
    """
    missing = [str(record.path) for record in records if not record.path.is_file()]
    gone = set(missing)
    pictures = _Pictures(open_picture)
    if decode:
        for record in records:
            if str(record.path) not in gone:
                pictures.look(record)
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
    """Return the report as what JSON can hold."""
    return asdict(report)


def rows(report: DataReport) -> list[tuple[str, str]]:
    """Return the report as the rows of a table: what was looked at, and what was found."""

    def some(found: Sequence[object]) -> str:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        return f"{len(found)}" + (f": {', '.join(map(str, found[:SHOWN]))}{more}" if found else "")

    def groups(found: Sequence[list[str]]) -> str:
        """Name the first pictures of the first groups."""
        many = [f"{len(group) - SHOWN_OF_GROUP} more" for group in found]
        told = [
            " = ".join(group[:SHOWN_OF_GROUP] + [rest] * (len(group) > SHOWN_OF_GROUP))
            for group, rest in zip(found, many, strict=True)
        ]
        return some(told)

    counts = ", ".join(f"{n}: {count}" for n, count in report.captions_per_picture.items())
    length = f"{report.words_shortest} to {report.words_longest}, mean {report.words_mean}"
    return [
        ("pictures", str(report.pictures)),
        ("captions", str(report.captions)),
        ("captions per picture: pictures", counts),
        ("splits", ", ".join(f"{name} {count}" for name, count in report.splits.items())),
        ("words of a caption, split at spaces", length),
        ("missing pictures", some(report.missing)),
        ("pictures that cannot be opened", some(list(report.undecodable))),
        ("very small or very long pictures", some(report.odd)),
        ("same file more than once", groups(report.same_bytes)),
        ("pictures that look alike", groups(report.near_duplicates)),
        ("of these, in different splits", groups(report.duplicates_across_splits)),
        ("pictures with an empty caption", some(report.empty_captions)),
        ("captions that repeat another", str(report.identical_captions)),
    ]


class _Pictures:
    """What was seen of the pictures so far."""

    def __init__(self, open_picture: OpenPicture):
        self._open = open_picture
        self.undecodable: dict[str, str] = {}
        self.odd: list[str] = []
        self.splits: dict[str, str | None] = {}
        self._by_bytes: dict[str, list[str]] = defaultdict(list)
        self._looks: dict[str, np.ndarray] = {}
        self._cells: list[np.ndarray] = []

    def look(self, record: Record) -> None:
        """Open a picture and keep what is compared later."""
        name = str(record.image_id)
        try:
            picture = self._open(record.path)
        except PictureError as error:
            self.undecodable[str(record.path)] = str(error)
            return
        self.splits[name] = record.split
        height, width = picture.shape[:2]
        if min(height, width) < SMALLEST_SIDE or max(height, width) > LONGEST_SHAPE * min(
            height, width
        ):
            self.odd.append(f"{name} {width}x{height}")
        self._by_bytes[sha256(record.path)].append(name)
        cells = mean_cells(picture)
        self._looks[name] = difference_hash(cells)
        self._cells.append(cells.round().astype(np.uint8))

    def same(self) -> list[list[str]]:
        return [names for names in self._by_bytes.values() if len(names) > 1]

    def _differ(self, first: int, second: int) -> bool:
        """Say whether a cell of one picture has another colour than the other's."""
        cells = self._cells[first].astype(float) - self._cells[second]
        return bool(np.abs(cells).max() > CLOSE_COLOURS)

    def near(self) -> list[list[str]]:
        """Group pictures whose hashes differ in fewer bits than there are bands, and no cell much.

        Two such hashes agree in a whole band, so only pictures that share a band are compared.
        """
        names = list(self._looks)
        bands: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, look in enumerate(self._looks.values()):
            for band in range(BANDS):
                bands[band, int(look[band])].append(number)
        looks = np.stack(list(self._looks.values())) if names else np.zeros((0, BANDS), np.uint16)
        group = list(range(len(names)))
        for members in bands.values():
            for place, first in enumerate(members[:-1]):
                rest = np.array(members[place + 1 :])
                bits = np.bitwise_count(looks[rest] ^ looks[first]).sum(axis=1)
                for second in rest[bits < BANDS]:
                    if self._differ(first, int(second)):
                        continue
                    low, high = sorted((group[first], group[second]))
                    group = [low if own == high else own for own in group] if low < high else group
        ensemble: dict[int, list[str]] = defaultdict(list)
        for name, own in zip(names, group, strict=True):
            ensemble[own].append(name)
        return [found for found in ensemble.values() if len(found) > 1]


def mean_cells(picture: np.ndarray) -> np.ndarray:
    """Return the mean colour of each cell of a grid over a picture, (9, 9, 3)."""
    edges = [np.linspace(0, n, CELLS + 1).astype(int) for n in picture.shape[:2]]
    sums = np.add.reduceat(picture, edges[0][:-1], axis=0, dtype=np.int64)
    sums = np.add.reduceat(sums, edges[1][:-1], axis=1)
    areas = np.maximum(np.diff(edges[0]), 1)[:, None] * np.maximum(np.diff(edges[1]), 1)
    return sums / areas[:, :, None]


def difference_hash(cells: np.ndarray) -> np.ndarray:
    """Hash a picture by how it looks: 128 bits, is each cell brighter than its neighbour's.

    Krawetz' dHash over a grid of mean colours, across and down, as 16-bit bands. Hashes that differ
    in few bits are likely near duplicates: another size, another compression; flat pictures may
    collide.
    """
    grey = cells.mean(axis=2)
    across, down = grey[:-1, 1:] > grey[:-1, :-1], grey[1:, :-1] > grey[:-1, :-1]
    return np.packbits([across, down]).view(np.uint16)


def _fatal(records: Sequence[Record], usable: int) -> list[str]:
    """Say why a training would fail."""
    found = []
    told = [record for record in records if record.captions]
    if not told:
        found.append("there are no captions at all; training needs some")
    elif all(record.split for record in records):
        lacking = {"train", "val"} - {record.split for record in told}
        found += [
            f"there are no captions of the {part} split; training needs some"
            for part in sorted(lacking)
        ]
    if usable < 2:
        found.append(f"{usable} of {len(records)} pictures can be opened; training needs two")
    return found


def _warnings(
    missing: list[str], pictures: _Pictures, across: list[list[str]], empty: list[str]
) -> list[str]:
    found: list[tuple[Sequence[object], str]] = [
        (missing, "pictures are missing; they will be left out"),
        (list(pictures.undecodable), "pictures cannot be opened; they will be left out"),
        (across, "groups of pictures look alike in different splits; scores will flatter"),
        (empty, "pictures have an empty caption"),
    ]
    return [f"{len(names)} {told}" for names, told in found if names]
