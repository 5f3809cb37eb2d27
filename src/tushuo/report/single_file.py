"""One HTML file that opens anywhere: nothing in it is fetched, and nothing in it can be.

Captions, ids and names are untrusted. They stand in the file as JSON in which no tag can begin, and
the page puts them on the screen as text; its security policy lets no other script run, and forbids
every connection.
"""

import base64
import hashlib
import html
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec


def fill(
    page: str, *, title: str, scripts: Sequence[str], styles: Sequence[str], **json: Any
) -> str:
    """Return a page of report/page/ with its parts in their places.

    Args:
        page: the file's name; it marks places as ``<!--NAME-->``.
        title: any text.
        scripts: names of JavaScript files, in the order in which they run.
        styles: names of style sheets.
        json: what stands at ``<!--NAME-->``, by name in small letters.
    """
    script = "".join(_text(f"{name}.js") for name in scripts)
    style = "".join(_text(f"{name}.css") for name in styles)
    filled = {
        "POLICY": _policy(script, style),
        "TITLE": html.escape(title),
        "STYLE": style,
        "SCRIPT": script,
        **{name.upper(): data(value) for name, value in json.items()},
    }
    text = _text(page)
    for name, value in filled.items():
        text = text.replace(f"<!--{name}-->", value)
    return text


def data(value: Any) -> str:
    """Return JSON that can stand inside a script element: no tag and no comment begins in it."""
    return msgspec.json.encode(value).replace(b"<", rb"\u003c").decode()


def _text(name: str) -> str:
    return (files("tushuo.report") / "page" / name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    """Allow this very script and style, pictures that stand in the page, and nothing else."""
    script_hash, style_hash = (
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for part in (script, style)
    )
    return (
        f"default-src 'none'; script-src 'sha256-{script_hash}'; style-src 'sha256-{style_hash}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
