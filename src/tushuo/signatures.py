"""Signatures: one line of text that identifies what made an artefact, for comparison.

A signature reads ``encoder:efficientnet_lite2|side:260|resize:squash``: fields in a fixed order,
``name:value``, separated by bars.
"""

from collections.abc import Collection

from tushuo.errors import SignatureError


def signature(**fields: object) -> str:
    """Join fields into a signature.

    Raises:
        SignatureError: a value contains a bar, so that it could not be parsed.
    """
    parts = [f"{name}:{value}" for name, value in fields.items()]
    if any("|" in part for part in parts):
        raise SignatureError(f"a field of a signature contains '|': {parts}; rename it")
    return "|".join(parts)


def only(fields: Collection[str], text: str) -> str:
    """Return some fields of a signature, as far as it has them."""
    return "|".join(part for part in text.split("|") if part.split(":", 1)[0] in fields)


def differences(first: str, second: str) -> list[str]:
    """Describe each field in which two signatures differ, with both values."""
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
