r"""Captions without pictures, for what can be learned from text alone.

Each picture's captions stay together where the format says which belong together:

- folders, and every form that `tushuo.data.read` knows; pictures need not exist;
- JSON lines, ``{"captions": ["...", ...]}`` or ``{"caption": "..."}``;
- lines ``NAME#0<TAB>caption``;
- other text: a caption a line.

Files may be compressed by gzip.
"""

from pathlib import Path

import msgspec

from tushuo.data.content import Content
from tushuo.data.forms import recognise
from tushuo.errors import DataError
from tushuo.text.tokenization import Language


class _Line(msgspec.Struct):
    captions: list[str] = []
    caption: str | None = None


def read_text(path: Path | str, *, language: Language = "en") -> list[tuple[str, ...]]:
    """Read captions, those of one picture together.

    Args:
        path: a text file, or caption data.
        language: language to read, where a folder has English and Chinese captions.

    Raises:
        DataError: the file is missing, damaged or not text, or has no captions.
    """
    import tushuo.data

    path = Path(path)
    content = Content(path)
    if not path.is_file() or content.is_json or isinstance(recognise(content), str):
        groups = [record.captions for record in tushuo.data.read(path, language=language)]
    else:
        lines = [line.rstrip("\n") for line in content.lines if line.strip()]
        if content.first_object is not None:
            groups = [_parse_json(path, number, line) for number, line in enumerate(lines, 1)]
        else:
            groups = _group(lines)
    groups = [tuple(caption for caption in group if caption.strip()) for group in groups]
    captioned = [group for group in groups if group]
    if not captioned:
        raise DataError(f"{path} has no captions; expected a caption a line, or caption data")
    return captioned


def _parse_json(path: Path, number: int, line: str) -> tuple[str, ...]:
    try:
        content = msgspec.json.decode(line, type=_Line)
    except msgspec.DecodeError as error:
        raise DataError(
            f'{path}, line {number}: {error}; expected {{"captions": ["...", ...]}}'
        ) from error
    return (*content.captions, *([content.caption] if content.caption else []))


def _group(lines: list[str]) -> list[tuple[str, ...]]:
    """Bring the captions together whose lines begin with the same name."""
    groups: dict[str, list[str]] = {}
    for number, line in enumerate(lines):
        start, tab, caption = line.partition("\t")
        name, mark, _ = start.partition("#")
        if tab and mark:
            groups.setdefault(name, []).append(caption)
        else:
            groups[f"#{number}"] = [line]
    return [tuple(group) for group in groups.values()]
