"""The page of one picture: captions of several searches, where words looked, what was likely."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from tushuo import __version__
from tushuo.report.single_file import fill
from tushuo.report.thumbnails import thumbnail
from tushuo.results import pack
from tushuo.runtime import write_bytes

if TYPE_CHECKING:
    from tushuo.caption import Explanation
    from tushuo.encoders.spec import EncoderSpec

SIDE = 1024  # pixels of the picture's longer side
TOLD = {
    "greedy": ("Greedy", "The likeliest word each time."),
    "beam": ("Beam", "The best captions among several beginnings at once, the best first."),
    "diverse": (
        "Diverse beam",
        "The best of several groups that keep away from each other's words.",
    ),
    "consensus": (
        "Consensus",
        "Of the best captions those first that drawn captions are most like.",
    ),
    "sample": ("Samples", "Words drawn by their probability."),
}


def write_explain_page(
    path: Path,
    picture: UInt8[np.ndarray, "height width 3"],
    found: "Mapping[str, Explanation]",
    spec: "EncoderSpec",
    *,
    title: str,
) -> None:
    """Write the page; it opens offline, and shows the first search first.

    Args:
        path: where to.
        picture: the picture in its true shape.
        found: explanations by the name of their search.
        spec: whose grid the attention is on.
        title: what the page is called.
    """
    explained = {
        "version": __version__,
        "picture": thumbnail(picture, SIDE),
        "grid": spec,
        "modes": [_mode(name, of) for name, of in found.items()],
    }
    page = fill(
        "explain.html",
        title=title,
        scripts=("element", "attention", "theme", "explain"),
        styles=("page", "explain"),
        explained=explained,
    )
    write_bytes(path, page.encode())


def _mode(name: str, found: "Explanation") -> dict[str, Any]:
    title, told = TOLD[name]
    captions = [found, *found.alternatives]
    return {
        "name": name,
        "title": title,
        "told": told,
        "captions": [_caption(of) for of in captions],
    }


def _caption(found: "Explanation") -> dict[str, Any]:
    caption = found.caption
    return {
        "text": caption.text,
        "words": caption.words,
        "log_prob": caption.log_prob,
        "confidence": caption.confidence,
        "strange": caption.strange,
        "chances": np.exp(caption.log_probs).round(4).tolist(),
        "attention": pack(caption.attention),
        "steps": found.steps,
    }
