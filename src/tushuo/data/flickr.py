"""Flickr8k and Flickr30k token files, their split lists, and the Chinese Flickr8k-CN.

``NAME.jpg#0<TAB>caption``; Chinese ``NAME.jpg#zhc#0 caption``.
"""

import re
from pathlib import Path

from tushuo.data.lines import read_lines
from tushuo.data.record import Record, Split
from tushuo.errors import DataError

LINE = re.compile(r"(?P<name>.+?\.\w+)#(?:\w+#)?\d+[\t ](?P<caption>.*)")
LISTS: dict[str, Split] = {"trainImages": "train", "devImages": "val", "testImages": "test"}


def read_flickr(path: Path, *, images: Path | None = None) -> list[Record]:
    """Read one token file, with the split lists beside it.

    Raises:
        DataError: a line has another format, or the file is not text.
    """
    folder = images or path.parent / "images"
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(path), 1):
        match = LINE.fullmatch(line)
        if not match:
            raise DataError(
                f"{path}, line {number}: {line[:60]!r} does not have the format "
                "NAME.jpg#0<TAB>caption"
            )
        captions.setdefault(match["name"], []).append(match["caption"].strip())
    splits = _splits(path.parent)
    return [
        Record(image_id=name, path=folder / name, captions=tuple(texts), split=splits.get(name))
        for name, texts in captions.items()
        if not splits or name in splits
    ]


def _splits(folder: Path) -> dict[str, Split]:
    return {
        name.strip(): split
        for ending, split in LISTS.items()
        for path in sorted(folder.glob(f"*.{ending}.txt"))
        for name in _lines(path)
    }


def _lines(path: Path) -> list[str]:
    return [line.rstrip("\n") for line in read_lines(path) if line.strip()]
