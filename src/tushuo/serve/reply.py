"""A caption as the values of a JSON object."""

from typing import Any

import numpy as np

from tushuo.captioning.caption import Caption
from tushuo.serve.options import ReplyOptions

DIGITS, ATTENTION_DIGITS = 4, 6  # behind the decimal point


def caption_content(caption: Caption, options: ReplyOptions) -> dict[str, Any]:
    """Return what a reply shows of a caption; names are those of ``tushuo caption --json``."""
    unsure = None
    if options.min_confidence is not None:
        unsure = caption.unsure_reason(options.min_confidence)
    content: dict[str, Any] = {"caption": None, "unsure": unsure}
    if unsure is None:
        content = _text(caption, options)
    if options.needs_confidence:
        trust = {"confidence": caption.confidence, "familiarity": caption.familiarity}
        content |= {name: value and round(value, DIGITS) for name, value in trust.items()}
    if options.concepts:
        content["concepts"] = [one.rounded() for one in caption.concepts]
    if unsure is not None:
        return content | {"perhaps": caption.likely_concepts}
    if options.attention and caption.attention is not None:
        content["field_of_view"] = {"crop": caption.field_of_view.crop}
    if caption.alternatives:
        content["alternatives"] = [_text(one, options) for one in caption.alternatives]
    return content


def _text(caption: Caption, options: ReplyOptions) -> dict[str, Any]:
    words: list[dict[str, Any]] = [{"word": word} for word in caption.words]
    for word, log_prob in zip(words, caption.log_probs, strict=False):
        word["log_prob"] = round(log_prob, DIGITS)
    if options.attention and caption.attention is not None:
        for word, weights in zip(words, caption.attention, strict=True):
            word["attention"] = np.round(weights.astype(float), ATTENTION_DIGITS).tolist()
    if options.concepts and caption.evidence is not None:
        for word, evidence in zip(words, caption.evidence, strict=True):
            word["evidence"] = evidence.rounded(word["word"])
    ended = len(caption.log_probs) > len(caption.words)
    return {
        "caption": caption.text,
        "log_prob": round(caption.log_prob, DIGITS) if caption.log_probs else None,
        "words": words,
        "end_log_prob": round(caption.log_probs[-1], DIGITS) if ended else None,
    }
