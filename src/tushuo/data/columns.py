"""Which columns of a table, or keys of an object, are the picture and its captions.

Names decide first, by the lists below. Where no name is known, the content does: the picture is in
the column in which every cell is the name of a picture file.
"""

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from tushuo.data.record import Split
from tushuo.data.split_names import SPLITS, parse_split
from tushuo.pictures.finding import EXTENSIONS

IMAGE = (
    "image", "image_path", "path", "file", "filename", "file_name", "image_name", "filepath",
    "file_path", "image_file", "img", "img_path", "img_name", "picture", "photo", "image_id",
)  # fmt: skip
ADDRESS = ("url", "image_url", "img_url")
CAPTION = (
    "caption", "captions", "text", "sentence", "sentences", "comment", "raw", "caption_text",
    "alt_text", "description", "title",
)  # fmt: skip
SPLIT = ("split", "data_split", "dataset_type")
MAYBE_SPLIT = (  # where the value is the name of a split
    "subset", "set", "set_name", "partition", "phase", "usage", "fold", "mode", "stage", "part",
    "split_name", "split_type", "type",
)  # fmt: skip
# Columns of text that are no captions, where no column has the name of captions.
OTHER_TEXT = {
    "label", "labels", "class", "classes", "class_name", "category", "categories", "tag", "tags",
    "keyword", "keywords", "species", "author", "user", "username", "license", "source", "id",
    "key", "hash", "md5", "sha256", "date", *SPLIT, *MAYBE_SPLIT,
}  # fmt: skip
NUMBER = re.compile(r"[_.]*\d+")  # caption_1; pandas writes a repeated name as caption.1
LONGEST_NAME = 500


class Columns(NamedTuple):
    """Places of the columns in a row."""

    image: int
    captions: tuple[int, ...]
    split: int | None = None


def normalise(name: str) -> str:
    """Return a column's name as the lists have it: ``Image Path`` is ``image_path``."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def is_address(cell: str) -> bool:
    """Return whether a cell is an http(s) address."""
    return cell.strip().lower().startswith(("http://", "https://"))


def is_picture_name(cell: str) -> bool:
    """Return whether a cell is the name of a picture file, or an address."""
    name = cell.strip()
    if not name or len(name) > LONGEST_NAME or "\n" in name:
        return False
    return is_address(name) or PurePath(name.replace("\\", "/")).suffix.lower() in EXTENSIONS


def caption_columns(names: Sequence[str]) -> tuple[int, ...]:
    """Return the columns of captions by their normalised names: all of the best known name."""
    for known in CAPTION:
        found = [
            n
            for n, name in enumerate(names)
            if name.startswith(known) and (name == known or NUMBER.fullmatch(name[len(known) :]))
        ]
        if found:
            return tuple(found)
    return ()


def first_column(names: Sequence[str], known: Sequence[str]) -> int | None:
    """Return the place of the first known name that is among the normalised names."""
    return next((names.index(name) for name in known if name in names), None)


def split_column(names: Sequence[str]) -> int | None:
    """Return the place of the column of splits among the normalised names."""
    return first_column(names, (*SPLIT, *MAYBE_SPLIT))


def split_of_cell(name: str, cell: str, where: str) -> Split | None:
    """Return the split that a cell states; in a column such as ``set``, other values state none.

    Args:
        name: name of the column.
        cell: its value.
        where: beginning of an error.

    Raises:
        DataError: a column of splits has an unknown one.
    """
    if not cell.strip():
        return None
    if normalise(name) in SPLIT:
        return parse_split(cell, where)
    return SPLITS.get(cell.strip().lower())


def named_columns(header: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> Columns | None:
    """Return the columns whose names are known: one of pictures, at least one of captions.

    Of several columns of pictures, the first is taken that contains names of picture files in all
    of some rows: ``image`` may be a number beside ``filename``.
    """
    names = [normalise(cell) for cell in header]
    images = [names.index(name) for name in (*IMAGE, *ADDRESS) if name in names]
    captions = caption_columns(names)
    if not images or not captions:
        return None
    whole = [row for row in rows if len(row) == len(header)]
    files = [
        n
        for n in _picture_columns(whole, len(header))
        if not any(is_address(row[n]) for row in whole)
    ]
    image = next((n for n in images if n in files), images[0])
    return Columns(image, captions, split_column(names))


def find_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Columns | None:
    """Find the columns of a table with a header by their names, or else by some of its rows."""
    known = named_columns(header, rows)
    if known:
        return known
    names = [normalise(cell) for cell in header]
    if any(map(is_picture_name, header)):
        return None
    pictures = _picture_columns(rows, len(header))
    image = first_column(names, IMAGE) if not pictures else pictures[0]
    if image is None:
        return None
    split = split_column(names)
    others = {n for n, name in enumerate(names) if name in OTHER_TEXT} | {image}
    captions = caption_columns(names) or _only_text(rows, len(header), others)
    return Columns(image, captions, split) if captions else None


def columns_without_header(rows: Sequence[Sequence[str]]) -> Columns | None:
    """Return the columns of a table without a header: picture names, and one other text."""
    if not rows:
        return None
    width = len(rows[0])
    pictures = _picture_columns(rows, width)
    if not pictures:
        return None
    captions = _only_text(rows, width, {pictures[0]})
    return Columns(pictures[0], captions) if captions else None


def _picture_columns(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the columns in which every cell names a picture."""
    whole = [row for row in rows if len(row) == width]
    return [n for n in range(width) if whole and all(is_picture_name(row[n]) for row in whole)]


def _only_text(rows: Sequence[Sequence[str]], width: int, others: set[int]) -> tuple[int, ...]:
    """Return the only other column that is neither numbers nor names, if there is just one."""
    whole = [row for row in rows if len(row) == width]
    texts = [
        n
        for n in range(width)
        if n not in others and whole and not all(_is_number_or_name(row[n]) for row in whole)
    ]
    return (texts[0],) if len(texts) == 1 else ()


def _is_number_or_name(cell: str) -> bool:
    return is_picture_name(cell) or not re.search(r"[^\W\d_]", cell)
