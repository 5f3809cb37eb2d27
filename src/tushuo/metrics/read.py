"""Read references and hypotheses from the common file formats."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from tushuo.errors import DataError

MAX_LISTED = 5  # ids named in an error
REFERENCES = '{"annotations": [{"image_id": ..., "caption": ...}, ...]} or {id: [captions]}'
HYPOTHESES = '[{"image_id": ..., "caption": ...}, ...], {id: caption} or scores of --json'


class _Row(msgspec.Struct):
    image_id: int | str
    caption: str


class _Annotations(msgspec.Struct):
    annotations: list[_Row]


class _Picture(msgspec.Struct):
    caption: str


class _Scored(msgspec.Struct):
    pictures: dict[str, _Picture]
    signature: str


def read_references(path: Path) -> dict[str, list[str]]:
    """Read the reference captions of each picture.

    Raises:
        DataError: the file does not exist or has an unexpected form.
    """
    content = _json(path, REFERENCES)
    if isinstance(content, dict) and "annotations" in content:
        references: dict[str, list[str]] = {}
        for row in _convert(content, _Annotations, path, REFERENCES).annotations:
            references.setdefault(str(row.image_id), []).append(row.caption)
        return references
    return _convert(content, dict[str, list[str]], path, REFERENCES)


def read_hypotheses(path: Path) -> dict[str, str]:
    """Read one caption for each picture.

    Raises:
        DataError: the file does not exist, has an unexpected form, or has a picture twice.
    """
    content = _json(path, HYPOTHESES)
    if _is_scored(content):
        scored: _Scored = _convert(content, _Scored, path, HYPOTHESES)
        return {name: picture.caption for name, picture in scored.pictures.items()}
    if isinstance(content, dict):
        single = {
            key: value[0] if isinstance(value, list) and len(value) == 1 else value
            for key, value in content.items()
        }
        return _convert(single, dict[str, str], path, HYPOTHESES)
    rows = _convert(content, list[_Row], path, HYPOTHESES)
    repeated = [name for name, n in Counter(str(row.image_id) for row in rows).items() if n > 1]
    if repeated:
        raise DataError(f"{path} has {_list(repeated)} more than once; keep one caption of each")
    return {str(row.image_id): row.caption for row in rows}


def read_signature(path: Path) -> str | None:
    """Read the signature of a file of scores; None for plain captions.

    Raises:
        DataError: the file does not exist or is not JSON.
    """
    content = _json(path, HYPOTHESES)
    return str(content["signature"]) if _is_scored(content) else None


def _is_scored(content: Any) -> bool:
    return isinstance(content, dict) and {"pictures", "signature"} <= content.keys()


def require_same_pictures(hypotheses: Iterable[str], references: Iterable[str]) -> None:
    """Refuse hypotheses whose pictures are not exactly those of the references.

    Raises:
        DataError: with the ids that are missing and those that are too many.
    """
    captioned, referenced = dict.fromkeys(hypotheses), dict.fromkeys(references)
    missing = [name for name in referenced if name not in captioned]
    extra = [name for name in captioned if name not in referenced]
    problems = [f"no hypothesis for {_list(missing)}"] if missing else []
    problems += [f"no reference for {_list(extra)}"] if extra else []
    if problems:
        raise DataError(
            f"{' and '.join(problems)}; hypotheses and references must be of the same pictures"
        )


def _list(names: list[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    noun = "pictures" if len(names) > 1 else "picture"
    return f"{len(names)} {noun} ({', '.join(names[:MAX_LISTED])}{more})"


def _json(path: Path, expected: str) -> Any:
    path = path / "scores.json" if path.is_dir() else path  # the folder of an evaluation
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; expected a JSON file: {expected}") from error
    except msgspec.DecodeError as error:
        raise DataError(f"{path} is not JSON: {error}; expected {expected}") from error


def _convert(content: Any, form: Any, path: Path, expected: str) -> Any:
    try:
        return msgspec.convert(content, form)
    except msgspec.ValidationError as error:
        raise DataError(f"{path} has an unexpected form: {error}; expected {expected}") from error
