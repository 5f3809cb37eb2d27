"""What a model card states of a model's terms, in the metadata at its beginning.

Metadata are the lines between two ``---``, as the Hugging Face Hub has them: ``license`` is an
identifier, or ``other`` with ``license_name``.
"""

import re
from pathlib import Path

FILE = "README.md"
_METADATA = re.compile(r"\A\ufeff?---\s*\n(.*?)^---\s*$", re.DOTALL | re.MULTILINE)
_LIST = re.compile(r"^license:[ \t]*\n((?:[ \t]*-[ \t]+.+\n?)+)", re.MULTILINE)


def license_of(folder: Path) -> str | None:
    """Return the licence that the card in a folder states; None where there is no such line.

    Several licences are joined by commas.
    """
    try:
        card = (folder / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = _METADATA.match(card)
    if not found:
        return None
    metadata = found[1]
    if listed := _LIST.search(metadata):
        return ", ".join(_plain(line.strip()[1:]) for line in listed[1].splitlines())
    value = _value(metadata, "license")
    if value == "other":
        return _value(metadata, "license_name") or value
    return value


def _value(metadata: str, name: str) -> str | None:
    found = re.search(rf"^{name}:[ \t]*(.+)$", metadata, re.MULTILINE)
    if not found:
        return None
    values = found[1].strip().removeprefix("[").removesuffix("]").split(",")
    return ", ".join(filter(None, map(_plain, values))) or None


def _plain(value: str) -> str:
    """Return a value without comment and quotes."""
    return value.partition(" #")[0].strip().strip("'\"")
