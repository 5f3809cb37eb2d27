"""JSON whose items are a picture and its captions: lists of objects, JSON lines, TextCaps.

- ``[{"image": "a.jpg", "caption": "..."}, ...]``, of BLIP and LAVIS; captions may be a list, and
  the list may be the value of ``annotations``, ``data``, ``images`` and so on.
- ``[{"image_id": "a.jpg", "caption": ["...", ...]}, ...]``, of AI Challenger.
- One such object a line, as in the ``metadata.jsonl`` of imagefolder.
- ``{"data": [{"image_path": "train/a.jpg", "caption_str": "..."}, ...]}``, of TextCaps (Sidorov et
  al., arXiv:2003.12462).
- ``{"a.jpg": ["...", ...], ...}``; values may be objects with captions.
- ``{"train": [...], "test": [...]}`` with lists of such objects, and ``{ID: object, ...}``.

The keys are those of tables (``columns.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from tushuo.data.columns import (
    Columns,
    caption_columns,
    find_columns,
    is_address,
    is_picture_name,
    normalise,
    split_of_cell,
)
from tushuo.data.content import Content
from tushuo.data.entry import Entry
from tushuo.data.split_names import SPLITS, parse_split
from tushuo.data.table import ADVICE
from tushuo.errors import DataError

WRAPPERS = ("annotations", "data", "images", "captions", "items", "records")
SAMPLE = 50  # objects by which the form is recognised
Object = dict[str, Any]


def is_list(content: Content) -> bool:
    """Recognise a list of objects with a picture and captions."""
    return content.is_json and bool(_lists(content))


def read_list(content: Content) -> list[Entry]:
    """Read a list of objects, or one list for each split.

    Raises:
        DataError: an item is no object, or lacks its picture or a caption.
    """
    entries = []
    read = _Reader()
    for name, items in _lists(content).items():
        for number, item in enumerate(items, 1):
            where = f"{content.path}, item {number}{f' of {name}' if name else ''}"
            entry = read(_decode_all(content, item, Object), where)
            entries.append(replace(entry, split=entry.split or SPLITS.get(name)))
    return entries


def is_lines(content: Content) -> bool:
    """Recognise JSON lines: the first line is an object with a picture and captions."""
    if content.first_object is not None:
        return _columns(content.first_object) is not None
    return content.path.suffix.lower() == ".jsonl"  # whose first line is broken


def read_lines(content: Content) -> list[Entry]:
    """Read JSON lines.

    Raises:
        DataError: a line is no object, or lacks its picture or a caption.
    """
    return list(_read_lines(content))


def is_mapping(content: Content) -> bool:
    """Recognise an object of picture names and captions."""
    if not content.is_json or not isinstance(content.json, dict) or not content.json:
        return False
    return all(map(is_picture_name, list(content.json)[:SAMPLE]))


def read_mapping(content: Content) -> list[Entry]:
    """Read an object of picture names and captions.

    Raises:
        DataError: a value is neither text, a list of texts nor an object with these.
    """
    read = _Reader()
    items = _decode_all(content, content.text, dict[str, Any])
    return [
        read(
            {"image": name} | (value if isinstance(value, dict) else {"caption": value}),
            f"{content.path}, {name}",
        )
        for name, value in items.items()
    ]


class _TextCaps(msgspec.Struct):
    caption_str: str
    image_id: str | int
    image_path: str | None = None
    set_name: str | None = None


class _TextCapsFile(msgspec.Struct):
    data: list[_TextCaps]
    dataset_type: str | None = None


def is_textcaps(content: Content) -> bool:
    """Recognise TextCaps by its ``data`` with ``caption_str``."""
    if not content.is_json or not isinstance(content.json, dict) or "data" not in content.json:
        return False
    try:
        items = msgspec.json.decode(content.json["data"], type=list[msgspec.Raw])
        return bool(items) and "caption_str" in msgspec.json.decode(items[0], type=Object)
    except msgspec.DecodeError:
        return False


def read_textcaps(content: Content) -> list[Entry]:
    """Read TextCaps.

    Raises:
        DataError: an item has another form.
    """
    file = _decode_all(content, content.text, _TextCapsFile)
    kind = file.dataset_type
    split = parse_split(kind, str(content.path)) if kind else None
    return [
        Entry(
            name=item.image_path or str(item.image_id),
            captions=(item.caption_str.strip(),),
            split=split
            or (parse_split(item.set_name, str(content.path)) if item.set_name else None),
            image_id=item.image_id,
        )
        for item in file.data
    ]


def _decode_all(content: Content, value: msgspec.Raw | str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(value, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise DataError(f"{content.path}: {content.explain(error)}") from error


def _lists(content: Content) -> dict[str, Sequence[msgspec.Raw]]:
    """Return the lists of objects of a file by their split; "" is the name of a single list.

    An object with ``images`` beside other lists is in the form of COCO: its other lists refer to
    pictures by their ids.
    """
    top = content.json
    if isinstance(top, list):
        return {"": top} if _has_columns(top) else {}
    lists: dict[str, Sequence[msgspec.Raw]] = {
        name: _decode_list(value) for name, value in top.items()
    }
    for name in WRAPPERS:
        if _has_columns(lists.get(name, [])) and (name == "images" or "images" not in lists):
            return {"": lists[name]}
    of_splits: dict[str, Sequence[msgspec.Raw]] = {
        name: items for name, items in lists.items() if name.lower() in SPLITS and items
    }
    if of_splits and all(map(_has_columns, of_splits.values())):
        return of_splits
    return {"": list(top.values())} if _has_columns(list(top.values())) else {}


def _decode_list(value: msgspec.Raw) -> list[msgspec.Raw]:
    try:
        return msgspec.json.decode(value, type=list[msgspec.Raw])
    except msgspec.DecodeError:
        return []


def _has_columns(items: Sequence[msgspec.Raw]) -> bool:
    """Return whether some of the items are objects, and the first has a picture and captions."""
    try:
        objects = [msgspec.json.decode(item, type=Object) for item in items[:SAMPLE]]
    except msgspec.DecodeError:
        return False
    return bool(objects) and _columns(objects[0]) is not None


def _columns(item: Object) -> Columns | None:
    return find_columns(list(item), [[_cell(value) for value in item.values()]])


def _cell(value: object) -> str:
    """Return a value as a cell of a table; lists of texts are text, and others are nothing."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return value if isinstance(value, str) else ""


def _read_lines(content: Content) -> Iterator[Entry]:
    read = _Reader()
    for number, line in enumerate(content.lines, 1):
        if not line.strip():
            continue
        try:
            item = msgspec.json.decode(line, type=Object)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise DataError(
                f"{content.path}, line {number} is not a JSON object: {error}; repair the line"
            ) from error
        yield read(item, f"{content.path}, line {number}")


class _Reader:
    """Reads objects; the places of picture and captions are found once for the same keys."""

    def __init__(self) -> None:
        self._columns: dict[tuple[str, ...], Columns | None] = {}

    def __call__(self, item: Object, where: str) -> Entry:
        """Read one object; ``where`` begins the message of an error."""
        keys, values = tuple(item), list(item.values())
        if keys not in self._columns:
            self._columns[keys] = _columns(item)
        columns = self._columns[keys]
        image = None if columns is None else values[columns.image]
        if isinstance(image, dict) and isinstance(image.get("path"), str):  # of datasets
            image = image["path"]
        if isinstance(image, int) and not isinstance(image, bool):
            image = str(image)
        texts = [] if columns is None else texts_of([values[n] for n in columns.captions])
        if columns is None or not isinstance(image, str) or not image or not texts:
            raise DataError(
                f"{where}: expected image and caption as text, got {str(item)[:80]!r}; fill in "
                "what is missing, or remove the item"
            )
        if is_address(image):
            raise DataError(f"{where}: {image[:60]!r}: {ADVICE}")
        value = None if columns.split is None else values[columns.split]
        split = split_of_cell(keys[columns.split or 0], str(value), where) if value else None
        image_id = item.get("image_id")
        own = image_id if isinstance(image_id, str | int) and image_id != image else None
        return Entry(name=image, captions=tuple(texts), split=split, image_id=own)


def captions_of(item: Object) -> tuple[str, ...]:
    """Return the captions of an object that belongs to a picture; the empty tuple without any."""
    known = {name: value for name, value in item.items() if value is not None}
    places = caption_columns([normalise(name) for name in known])
    return tuple(texts_of([list(known.values())[n] for n in places]) or ())


def texts_of(values: list[object]) -> list[str] | None:
    """Flatten texts and lists of texts; None if anything else is among them."""
    texts: list[str] = []
    for value in values:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and isinstance(one.get("raw"), str):
                one = one["raw"]
            if not isinstance(one, str):
                return None
            texts.append(one.strip())
    return texts
