"""One HTML file that opens anywhere: nothing in it is fetched, and nothing in it can be.

Captions, ids and names are untrusted. They stand in the file as JSON in which no tag can begin, and
the page puts them on the screen as text; its security policy lets no other script run, and forbids
every connection.
"""

import base64
import hashlib
import html
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from tushuo.report import content
from tushuo.report.thumbnails import MANY, SIDE, SMALL_SIDE, finder, thumbnails
from tushuo.results import Results
from tushuo.runtime import Progress, atomic_write

SCRIPTS = ("element", "scores", "curves", "settings", "attention", "cards", "open", "list", "start")


def write_report(
    path: Path,
    results: Mapping[str, Results],
    *,
    images: Path | None = None,
    side: int | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Write the page.

    Args:
        path: where to.
        results: by the name that the page gives to each; of the same pictures and references.
        images: folder of the pictures, where they no longer lie at their paths.
        side: longer side of a picture on the page, in pixels; None chooses by their number.
        progress: told how many pictures are in.

    Returns:
        Ids of the pictures that could not be opened, and are not on the page.
    """
    shown, find = content.pictures(results), finder(images)
    scored = [of for of in results.values() if of.scores]
    whole = content.summary(results)
    page = _text("page.html")
    script, style = "".join(_text(f"{name}.js") for name in SCRIPTS), _text("page.css")
    filled = {
        "POLICY": _policy(script, style),
        "TITLE": html.escape(" · ".join(results)),
        "STYLE": style,
        "SUMMARY": data(whole),
        "SCRIPT": script,
        "LIST": data([{k: v for k, v in one.items() if k != "path"} for one in shown]),
    }
    for name, value in filled.items():
        page = page.replace(f"<!--{name}-->", value)
    before, after = page.split("<!--PICTURES-->")
    small = side or (SIDE if len(shown) < MANY else SMALL_SIDE)
    pixels = thumbnails((find(one["id"], one["path"]) for one in shown), side=small)
    missing = []
    with atomic_write(path) as file:
        file.write(before.encode())
        for place, (one, picture) in enumerate(zip(shown, pixels, strict=True)):
            missing += [one["id"]] if not picture and (images or one["path"]) else []
            looked = [of.pictures.get(one["id"]) for of in scored]
            row = {
                "picture": picture,
                "attention": [said.attention if said else b"" for said in looked],
            }
            file.write(
                f'<script type="application/json" id="p{place}">{data(row)}</script>\n'.encode()
            )
            if progress is not None:
                progress(place + 1, len(shown))
        file.write(after.encode())
    return missing


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
