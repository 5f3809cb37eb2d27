"""Signatures: one line of text that says what made an artefact, so that the next stage can compare.

A signature reads ``encoder:efficientnet_lite2|side:260|resize:squash``: fields in a fixed order,
``name:value``, separated by bars.
"""

from collections.abc import Collection

from tushuo.errors import SignatureError


def signature(**fields: object) -> str:
    """Join fields to a signature.

    Raises:
        SignatureError: a value holds a bar and could not be read back.
    """
    parts = [f"{name}:{value}" for name, value in fields.items()]
    if any("|" in part for part in parts):
        raise SignatureError(f"a signature's field holds '|': {parts}; rename what it names")
    return "|".join(parts)


def only(fields: Collection[str], text: str) -> str:
    """Keep some fields of a signature, as many of them as it has."""
    return "|".join(part for part in text.split("|") if part.split(":", 1)[0] in fields)


def differences(first: str, second: str) -> list[str]:
    """Name each field in which two signatures differ, with both values."""
    a, b = (dict(part.split(":", 1) for part in text.split("|")) for text in (first, second))
    return [
        f"{name}: {a.get(name, 'absent')} against {b.get(name, 'absent')}"
        for name in dict.fromkeys([*a, *b])
        if a.get(name) != b.get(name)
    ]


def require_same(first: str, second: str, *, what: str, cure: str) -> None:
    """Refuse two artefacts that were not made for each other.

    Raises:
        SignatureError: the signatures differ; the message names the fields and the cure.
    """
    if first != second:
        raise SignatureError(f"{what} differ in {'; '.join(differences(first, second))}; {cure}")
