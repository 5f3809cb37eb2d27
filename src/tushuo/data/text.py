r"""Captions without pictures, for what can be learned from text alone.

Each picture's captions stay together where the format says which belong together:

- JSON lines, ``{"captions": ["...", ...]}`` or ``{"caption": "..."}``;
- lines ``NAME#0<TAB>caption``, as in Flickr8k's token files;
- other text: a caption a line;
- folders, and every other format that `tushuo.data.read` knows; pictures need not exist.

Files may be compressed by gzip.
"""

import gzip
import io
import zlib
from pathlib import Path

import msgspec

from tushuo.errors import DataError
from tushuo.text.tokenization import Language

MAX_BYTES = 2_000_000_000  # decompressed
GZIP = b"\x1f\x8b"


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
    names = path.name.lower().removesuffix(".gz")
    if not path.is_file() or names.endswith((".json", ".csv", ".tsv")):
        records = tushuo.data.read(path, language=language)
        groups = [record.captions for record in records]
    elif names.endswith(".jsonl"):
        groups = [_parse_json(path, number, line) for number, line in enumerate(_lines(path), 1)]
    else:
        groups = _group(_lines(path))
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


def _lines(path: Path) -> list[str]:
    """Return the lines of a text file that are not empty, decompressed where it is compressed."""
    try:
        with path.open("rb") as file:
            compressed = file.read(len(GZIP)) == GZIP
        with gzip.open(path) if compressed else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise DataError(f"{path} has more than {MAX_BYTES} bytes of text; split it")
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; name another file") from error
    return [line.rstrip("\r\n") for line in io.StringIO(text) if line.strip()]
