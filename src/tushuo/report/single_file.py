"""Self-contained HTML pages that load nothing.

Captions, ids and names are untrusted. They are embedded as JSON in which no tag can begin, and
inserted into the page as text. The content security policy allows the page's own script only, and
no connections.
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
    """Return a page of report/page/ with its placeholders filled in.

    Args:
        page: file name; its placeholders are written ``<!--NAME-->``.
        title: any text.
        scripts: names of JavaScript files, in the order in which they run.
        styles: names of style sheets.
        json: values of further placeholders, by their name in lower case.
    """
    script = "".join(_text(f"{name}.js") for name in scripts)
    style = "".join(_text(f"{name}.css") for name in styles)
    values = {
        "POLICY": _policy(script, style),
        "TITLE": html.escape(title),
        "STYLE": style,
        "SCRIPT": script,
        **{name.upper(): data(value) for name, value in json.items()},
    }
    text = _text(page)
    for name, value in values.items():
        text = text.replace(f"<!--{name}-->", value)
    return text


def data(value: Any) -> str:
    """Return JSON for a script element: no tag or comment can begin in it."""
    return msgspec.json.encode(value).replace(b"<", rb"\u003c").decode()


def _text(name: str) -> str:
    return (files("tushuo.report") / "page" / name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    """Allow exactly this script and style, and embedded pictures."""
    script_hash, style_hash = (
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for part in (script, style)
    )
    return (
        f"default-src 'none'; script-src 'sha256-{script_hash}'; style-src 'sha256-{style_hash}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
