"""The page of one picture: captions of several searches, attention maps, candidate words.

The page is in the language of its captions.
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
        "greedy": ("Greedy", "The most probable word at each step."),
        "beam": ("Beam", "Several hypotheses are kept at once; the best caption comes first."),
        "diverse": (
            "Diverse beam",
            "The best captions of several groups that avoid each other's words.",
        ),
        "consensus": (
            "Consensus",
            "The caption of a beam that agrees best with captions sampled from the model (minimum "
            "Bayes risk).",
        ),
        "sample": ("Samples", "Words drawn by their probability."),
    },
    "zh": {
        "greedy": ("贪心解码", "每一步都选概率最高的词。"),
        "beam": ("集束搜索", "同时保留多个候选描述，最好的排在最前。"),
        "diverse": ("多样化集束搜索", "分为若干组，各组避开彼此的用词，取每组中最好的描述。"),
        "consensus": (
            "共识重排",
            "从集束搜索的结果中，选出与模型采样得到的描述最一致的一句（最小贝叶斯风险）。",
        ),
        "sample": ("采样", "按概率随机抽取每个词。"),
    },
}


def write_explain_page(
    path: Path,
    picture: UInt8[np.ndarray, "height width 3"],
    explanations: "Mapping[str, Explanation]",
    *,
    title: str,
) -> None:
    """Write the page; it opens offline, with the first search selected.

    Args:
        path: path of the page.
        picture: the picture in its proportions.
        explanations: explanations by the name of their search.
        title: title of the page.
    """
    first = next(iter(explanations.values())).caption
    language = language_of(first.words)
    explained = {
        "language": language,
        "version": __version__,
        "picture": thumbnail(picture, SIDE),
        "grid": _grid(first),
        "modes": [
            _mode(name, explanation, SEARCH_TEXTS[language][name])
            for name, explanation in explanations.items()
        ],
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


def _mode(name: str, explanation: "Explanation", texts: tuple[str, str]) -> dict[str, Any]:
    title, description = texts
    return {
        "name": name,
        "title": title,
        "description": description,
        "captions": [_caption(one) for one in (explanation, *explanation.alternatives)],
    }


def _caption(explanation: "Explanation") -> dict[str, Any]:
    caption = explanation.caption
    maps = None if caption.attention is None else attention_to_bytes(caption.attention)
    return {
        "text": caption.text,
        "words": caption.words,
        "log_prob": caption.log_prob,
        "confidence": caption.confidence,
        "outOfDistribution": caption.out_of_distribution,
        "familiarity": caption.familiarity,
        "chances": np.exp(caption.log_probs).round(4).tolist(),
        "attention": maps,
        "concepts": [[one.word, round(one.probability, 4)] for one in caption.concepts],
        "evidence": [
            {"kind": one.kind, "probability": one.concept and round(one.concept.probability, 4)}
            for one in caption.evidence or ()
        ],
        "steps": explanation.steps,
    }
