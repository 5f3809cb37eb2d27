"""The page of one picture: captions of several searches, where words looked, what was likely.

It speaks the language of its captions.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from tushuo import __version__
from tushuo.evaluation.results import attention_to_bytes
from tushuo.report.single_file import fill
from tushuo.report.thumbnails import thumbnail
from tushuo.runtime import write_bytes
from tushuo.text.tokenization import language_of

if TYPE_CHECKING:
    from tushuo.captioning.caption import Caption, Explanation

SIDE = 1024  # pixels of the picture's longer side
SEARCH_TEXTS = {
    "en": {
        "greedy": ("Greedy", "The likeliest word each time."),
        "beam": ("Beam", "Several beginnings are kept at once; the best caption stands first."),
        "diverse": (
            "Diverse beam",
            "The best of several groups that keep away from each other's words.",
        ),
        "consensus": (
            "Consensus",
            "Of a beam's captions the one that captions drawn at random agree with the most.",
        ),
        "sample": ("Samples", "Words drawn by their probability."),
    },
    "zh": {
        "greedy": ("贪心", "每次都取可能性最大的词。"),
        "beam": ("束搜索", "同时保留若干个开头，最好的描述排在最前。"),
        "diverse": ("多样束搜索", "分成几组，各组避开彼此的用词，取其中最好的。"),
        "consensus": ("共识", "束搜索所得的描述中，与随机抽取的描述最一致的那一句。"),
        "sample": ("采样", "按概率随机抽取每个词。"),
    },
}


def write_explain_page(
    path: Path,
    picture: UInt8[np.ndarray, "height width 3"],
    found: "Mapping[str, Explanation]",
    *,
    title: str,
) -> None:
    """Write the page; it opens offline, and shows the first search first.

    Args:
        path: where to.
        picture: the picture in its true shape.
        found: explanations by the name of their search.
        title: what the page is called.
    """
    language = language_of(next(iter(found.values())).caption.words)
    explained = {
        "language": language,
        "version": __version__,
        "picture": thumbnail(picture, SIDE),
        "grid": _grid(next(iter(found.values())).caption),
        "modes": [_mode(name, of, SEARCH_TEXTS[language][name]) for name, of in found.items()],
    }
    page = fill(
        "explain.html",
        title=title,
        scripts=("element", "attention", "theme", "explain_texts", "explain"),
        styles=("page", "explain"),
        explained=explained,
    )
    write_bytes(path, page.encode())


def _grid(caption: "Caption") -> dict[str, Any] | None:
    """Return the shape of the attention grid and the part of the picture that it covers."""
    if caption.attention is None:
        return None
    _, rows, columns = caption.attention.shape
    return {"rows": rows, "columns": columns, "crop": caption.field_of_view.crop}


def _mode(name: str, found: "Explanation", texts: tuple[str, str]) -> dict[str, Any]:
    title, told = texts
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
        "strange": caption.out_of_distribution,
        "familiarity": caption.familiarity,
        "chances": np.exp(caption.log_probs).round(4).tolist(),
        "attention": None if caption.attention is None else attention_to_bytes(caption.attention),
        "steps": found.steps,
    }
