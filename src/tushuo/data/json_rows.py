"""JSON whose items are a picture and its captions: lists of objects, JSON lines, TextCaps.

- ``[{"image": "a.jpg", "caption": "..."}, ...]``, of BLIP and LAVIS; captions may be a list, and
  the list may be the value of ``annotations``, ``data``, ``images`` and so on.
- ``[{"image_id": "a.jpg", "caption": ["...", ...]}, ...]``, of AI Challenger.
- One such object a line, as in the ``metadata.jsonl`` of imagefolder.
- ``{"data": [{"image_path": "train/a.jpg", "caption_str": "..."}, ...]}``, of TextCaps (Sidorov et
  al., arXiv:2003.12462).
- ``{"a.jpg": ["...", ...], ...}``.

The keys are those of tables (``columns.py``).
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from tushuo.data.columns import (
    Columns,
    find_columns,
    is_address,
    is_picture_name,
    named_columns,
)
from tushuo.data.content import Content
from tushuo.data.entry import Entry
from tushuo.data.record import Split
from tushuo.data.split_names import parse_split
from tushuo.data.table import ADVICE
from tushuo.errors import DataError

WRAPPERS = ("annotations", "data", "images", "captions", "items", "records")
SAMPLE = 50  # objects by which the form is recognised
Object = dict[str, Any]


def is_list(content: Content) -> bool:
    """Recognise a list of objects with a picture and captions."""
    return content.is_json and _has_columns(_decode_some(_items(content)))


def read_list(content: Content) -> list[Entry]:
    """Read a list of objects.

    Raises:
        DataError: an item is no object, or lacks its picture or a caption.
    """
    entries = []
    for number, item in enumerate(_items(content), 1):
        where = f"{content.path}, item {number}"
        entries.append(_entry(_decode_all(content, item, Object), where))
    return entries


def is_lines(content: Content) -> bool:
    """Recognise JSON lines: the first line is an object with a picture and captions."""
    if content.first_object is not None:
        return _has_columns([content.first_object])
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
        DataError: a value is neither text nor a list of texts.
    """
    items = _decode_all(content, content.text, dict[str, str | tuple[str, ...]])
    return [
        Entry(name=name, captions=(value,) if isinstance(value, str) else value)
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
            split=split,
            image_id=item.image_id,
        )
        for item in file.data
    ]


def _decode_all(content: Content, value: msgspec.Raw | str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(value, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise DataError(f"{content.path}: {content.explain(error)}") from error


def _items(content: Content) -> Sequence[msgspec.Raw]:
    """Return the list of a file, or the first list of objects in an object around it."""
    top = content.json
    if isinstance(top, list):
        return top
    for name in WRAPPERS:
        with suppress(msgspec.DecodeError):
            items = msgspec.json.decode(top.get(name, b"[]"), type=list[msgspec.Raw])
            if _has_columns(_decode_some(items)):
                return items
    return []


def _decode_some(items: Sequence[msgspec.Raw]) -> list[Object]:
    try:
        return [msgspec.json.decode(item, type=Object) for item in items[:SAMPLE]]
    except msgspec.DecodeError:
        return []


def _has_columns(items: list[Object]) -> bool:
    return bool(items) and _columns(items[0]) is not None


def _columns(item: Object) -> Columns | None:
    keys = list(item)
    return named_columns(keys) or find_columns(keys, [[str(value) for value in item.values()]])


def _read_lines(content: Content) -> Iterator[Entry]:
    for number, line in enumerate(content.lines, 1):
        if not line.strip():
            continue
        try:
            item = msgspec.json.decode(line, type=Object)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise DataError(
                f"{content.path}, line {number} is not a JSON object: {error}; repair the line"
            ) from error
        yield _entry(item, f"{content.path}, line {number}")


def _entry(item: Object, where: str) -> Entry:
    columns, values = _columns(item), list(item.values())
    image = None if columns is None else values[columns.image]
    if isinstance(image, dict) and isinstance(image.get("path"), str):  # of the datasets library
        image = image["path"]
    texts = [] if columns is None else texts_of([values[place] for place in columns.captions])
    if not isinstance(image, str) or not image or texts is None or not texts:
        raise DataError(
            f"{where}: expected image and caption as text, got {str(item)[:80]!r}; fill in what is "
            "missing, or remove the item"
        )
    if is_address(image):
        raise DataError(f"{where}: {image[:60]!r}: {ADVICE}")
    image_id = item.get("image_id")
    return Entry(
        name=image,
        captions=tuple(texts),
        split=_split(item, columns, where),
        image_id=image_id if isinstance(image_id, str | int) and image_id != image else None,
    )


def _split(item: Object, columns: Columns | None, where: str) -> Split | None:
    value = None if columns is None or columns.split is None else list(item.values())[columns.split]
    return parse_split(str(value), where) if value else None


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
