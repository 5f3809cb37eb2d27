"""Read references and hypotheses from the common file formats."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tushuo.errors import DataError
from tushuo.metrics.caption_json import read_json
from tushuo.metrics.picture_ids import list_pictures, show_id

REFERENCES = '{"annotations": [{"image_id": ..., "caption": ...}, ...]} or {id: [captions]}'
HYPOTHESES = '[{"image_id": ..., "caption": ...}, ...], {id: caption} or scores of --json'
# Keys of rows, in the order in which they are preferred.
IMAGE = ("image_id", "image", "image_path", "path", "file", "filename", "file_name", "image_name")
CAPTION = ("caption", "captions", "text", "sentence", "comment")
WRAPPERS = ("annotations", "results", "predictions")  # keys of an object around a list of rows
TABLES = (".csv", ".tsv", ".txt", ".token")
MAX_EXACT = 2**53  # above, a number with a decimal point is rounded

Captions = Mapping[str, Sequence[str]]
"""Captions by picture."""


def read_references(
    path: Path, *, read_data: Callable[[Path], Captions] | None = None
) -> dict[str, list[str]]:
    """Read the reference captions of each picture.

    Args:
        path: COCO captions JSON, {id: [captions]}, rows of image and caption, or the file or folder
            of scores that has references; or what ``read_data`` reads.
        read_data: reader of caption data: folders, tables and Karpathy's JSON.

    Raises:
        DataError: the file does not exist or has an unexpected form, or a picture has no captions.
    """
    return _read(path, REFERENCES, read_data, scored="references")


def read_hypotheses(
    path: Path, *, read_data: Callable[[Path], Captions] | None = None
) -> dict[str, str]:
    """Read one caption for each picture.

    Args:
        path: COCO results JSON, {id: caption}, rows of image and caption, or the file or folder of
            scores; or what ``read_data`` reads.
        read_data: reader of caption data: folders, tables and Karpathy's JSON.

    Raises:
        DataError: the file does not exist, has an unexpected form, or has several captions of a
            picture.
    """
    captions = _read(path, HYPOTHESES, read_data, scored="caption")
    several = [name for name, own in captions.items() if len(own) > 1]
    if several:
        raise DataError(
            f"{path} has more than one caption of {list_pictures(several)}; keep one of each"
        )
    return {name: caption for name, (caption,) in captions.items()}


def read_signature(path: Path) -> str | None:
    """Read the signature of a file of scores; None for plain captions.

    Raises:
        DataError: the file does not exist or is not JSON.
    """
    if _is_data(path):
        return None
    content = read_json(_scores_file(path), HYPOTHESES)[0]
    return str(content["signature"]) if _is_scored(content) else None


def _read(
    path: Path, expected: str, read_data: Callable[[Path], Captions] | None, *, scored: str
) -> dict[str, list[str]]:
    """Read the captions of each picture; ``scored`` is their key in a file of scores."""
    values = [] if _is_data(path) else read_json(_scores_file(path), expected)
    captions: dict[str, list[str]] = {}
    if not values or _is_karpathy(values[0]):
        if read_data is None:
            raise DataError(f"{path} is caption data; expected JSON, {expected}")
        captions = {name: [*texts] for name, texts in read_data(path).items()}
    else:
        for place, name, value in _entries(values, path, expected, scored):
            try:
                captions.setdefault(name, []).extend(_texts(value))
            except _UnexpectedError as error:
                raise DataError(
                    f"{path}: the caption of picture {show_id(name)}{place} is {error}; expected "
                    "text; correct it, or leave the picture out"
                ) from None
    return _require_captions(captions, path, expected)


def _require_captions(
    captions: dict[str, list[str]], path: Path, expected: str
) -> dict[str, list[str]]:
    """Refuse files and pictures without captions, and text that is not Unicode."""
    if not captions:
        raise DataError(f"{path} has no captions; expected {expected}; name another file")
    if empty := [name for name, texts in captions.items() if not texts]:
        raise DataError(
            f"{path} has no captions of {list_pictures(empty)}; add one to each, or leave these "
            "pictures out"
        )
    for name, texts in captions.items():
        for text in (name, *texts):
            if (half := _half_surrogate(text)) is not None:
                raise DataError(
                    f"{path}: the caption or id of picture {show_id(name)} contains {half!r}, half "
                    "of a surrogate pair; expected Unicode text; write the character whole, or "
                    "remove it"
                )
    return captions


def _entries(
    values: Sequence[Any], path: Path, expected: str, scored: str
) -> Iterator[tuple[str, str, Any]]:
    """Yield a remark on the place of each entry, the picture's id, and its captions."""
    content = values[0]
    if isinstance(content, dict) and len(values) == 1 and not _is_row(content):
        if _is_scored(content):
            for name, picture in content["pictures"].items():
                own = isinstance(picture, dict) and scored in picture
                yield "", name, picture[scored] if own else picture
            return
        wrappers = [name for name in WRAPPERS if name in content]
        if not wrappers and "images" in content:
            raise DataError(f"{path} lists images without annotations; expected {expected}")
        if len(wrappers) > 1:
            raise DataError(f"{path} has both {' and '.join(wrappers)}; keep one of them")
        content = content[wrappers[0]] if wrappers else content
        if isinstance(content, dict):
            yield from (("", name, value) for name, value in content.items())
            return
        if not isinstance(content, list):
            raise DataError(
                f"{path}: {wrappers[0]} is {_describe(content)}; expected a list, as in {expected}"
            )
    rows = content if len(values) == 1 and isinstance(content, list) else values
    for number, row in enumerate(rows, 1):
        if not _is_row(row):
            raise DataError(
                f"{path}: entry {number} is {_describe(row)}; expected an object with image_id and "
                f"caption, as in {expected}"
            )
        yield f" (entry {number})", _image_id(row, number, path), _first(row, CAPTION)


def _image_id(row: dict[str, Any], number: int, path: Path) -> str:
    """Return a row's id as text: 1, 1.0 and "1" are the same picture."""
    value = _first(row, IMAGE)
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT:
        return str(int(value))
    if value == "" or not isinstance(value, int | str) or isinstance(value, bool):
        raise DataError(
            f"{path}: the image id of entry {number} is {_describe(value)}; expected a whole "
            "number or text; correct it"
        )
    return str(value)


class _UnexpectedError(Exception):
    """A value that is no caption; the message describes it."""


def _texts(value: Any) -> list[str]:
    """Return the captions of a value: text, an object with a caption, or a list of these."""
    items = value if isinstance(value, list) else [value]
    texts = []
    for item in items:
        text = _first(item, CAPTION) if isinstance(item, dict) else item
        if isinstance(text, list) and item is value:  # {"caption": [several]}
            texts += _texts(text)
        elif isinstance(text, str):
            texts.append(text)
        else:
            raise _UnexpectedError(_describe(item if text is None else text))
    return texts


def _describe(value: Any) -> str:
    """Describe a JSON value in a few words."""
    if isinstance(value, dict):
        keys = ", ".join(map(repr, list(value)[:5]))
        return f"an object with the keys {keys}" if value else "an empty object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN, a missing value" if math.isnan(value) else "an infinite number"
    if isinstance(value, int | float) and not isinstance(value, bool):
        rounded = " (rounded, since it has a decimal point)" if abs(value) >= MAX_EXACT else ""
        return f"the number {str(value)[:40]}{rounded if isinstance(value, float) else ''}"
    return {None: "null", True: "true", False: "false"}[value]


def _half_surrogate(text: str) -> str | None:
    if text.isascii():
        return None
    return next((mark for mark in text if "\ud800" <= mark <= "\udfff"), None)


def _first(row: dict[str, Any], keys: Sequence[str]) -> Any:
    """Return the value of the first of these keys that a row has; None without any."""
    return next((row[key] for key in keys if key in row), None)


def _is_row(value: Any) -> bool:
    """Whether a value is one row: an object with a picture's id and captions."""
    return isinstance(value, dict) and all(
        any(key in value for key in keys) for keys in (IMAGE, CAPTION)
    )


def _is_scored(content: Any) -> bool:
    pictures = content.get("pictures") if isinstance(content, dict) else None
    return isinstance(pictures, dict) and isinstance(content.get("signature"), str)


def _is_karpathy(content: Any) -> bool:
    images = content.get("images") if isinstance(content, dict) else None
    first = images[0] if isinstance(images, list) and images else None
    return isinstance(first, dict) and "sentences" in first


def _is_data(path: Path) -> bool:
    """Whether a path is a folder of data, or a table and not JSON under the name of one."""
    if path.is_dir():
        return not _scores_file(path).is_file()
    if path.suffix.lower() not in TABLES or not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(100).lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
    return not start.startswith((b"{", b"["))


def _scores_file(path: Path) -> Path:
    return path / "scores.json" if path.is_dir() else path  # the folder of an evaluation
