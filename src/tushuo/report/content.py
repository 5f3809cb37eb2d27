"""The content of a report as plain values; the page only draws them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tushuo import __version__
from tushuo.errors import SignatureError
from tushuo.evaluation.results import PictureResult, Results
from tushuo.metrics.caption_diagnostics import FUNCTION_WORDS
from tushuo.metrics.compare import incomparable
from tushuo.metrics.deletion import DeletionTest
from tushuo.report.deletion_test import MASK_STYLES, TITLES
from tushuo.text.tokenization import TokenizerName, tokenize

MAKERS = re.compile(r"\|(?:run|model):")  # fields from here on name who made the captions
NO_TESTS: Mapping[str, DeletionTest | None] = {}
SCORING_TOKENIZERS: dict[str, TokenizerName] = {"jieba": "jieba", "characters": "characters"}


def title(results: Mapping[str, Results]) -> str:
    """Return the title of the page: the models, and the data if it is the same for all.

    Models that the results do not name, or that several results have, are called by the name of
    their results.
    """
    models = [one.model or name for name, one in results.items()]
    if len(set(models)) < len(models):
        models = list(results)
    data = {one.data for one in results.values()}
    on = data.pop() if len(data) == 1 else None
    return " · ".join(models) + (f" on {on}" if on else "")


def warning(results: Mapping[str, Results]) -> str | None:
    """Return how scores differ in the way they were computed; None where they can be compared."""
    signatures: dict[str, str | None] = {
        name: one.signature for name, one in results.items() if one.signature
    }
    first = MAKERS.split(next(iter(signatures.values()), None) or "")[0]
    return incomparable(signatures, first)


def require_comparable(results: Mapping[str, Results]) -> None:
    """Refuse to show numbers side by side that mean different things.

    Raises:
        SignatureError: the message says how they differ.
    """
    difference = warning(results)
    if difference:
        raise SignatureError(
            f"{difference}, so their scores cannot be compared; score them with the same "
            "references and tokenizer, or pass --force to show them with a warning"
        )


def summary(
    results: Mapping[str, Results], tested: Mapping[str, DeletionTest | None] = NO_TESTS
) -> dict[str, Any]:
    """Return everything except the pictures."""
    return {
        "version": __version__,
        "metrics": metrics(results),
        "runs": [_run(name, one, tested.get(name)) for name, one in results.items()],
        "masks": {name: label for name, (*_, label) in MASK_STYLES.items()},
        "kinds": TITLES,
        "warning": warning(results),
        "pictures": len(_image_ids(results)),
    }


def metrics(results: Mapping[str, Results]) -> list[str]:
    """Return the names of all scores; CIDEr-D is left out where it equals CIDEr."""
    names = list(dict.fromkeys(name for one in results.values() for name in one.scores))
    equal = all(one.scores.get("CIDEr") == one.scores.get("CIDEr-D") for one in results.values())
    return [name for name in names if not (equal and name == "CIDEr-D")]


def pictures(results: Mapping[str, Results]) -> list[dict[str, Any]]:
    """Return the captions of every picture, in the order of the data, without its pixels.

    ``captions`` has one item for each scored run: caption, alternatives, confidence, words with
    their log-probabilities, scores, ``notInReferences`` (places of words that no reference has),
    ``shared`` (another picture has the same caption), ``unfinished`` (it ends in a function word).
    """
    scored = [one for one in results.values() if one.scores]
    describers = [_Describer(one, metrics(results)) for one in scored]
    rows = []
    for image_id in _image_ids(results):
        captions = [one.pictures.get(image_id) for one in scored]
        first = next((caption for caption in captions if caption), PictureResult(caption=""))
        rows.append(
            {
                "id": image_id,
                "path": first.path,
                "references": first.references,
                "captions": [
                    describe(image_id, caption)
                    for caption, describe in zip(captions, describers, strict=True)
                ],
            }
        )
    return rows


class _Describer:
    """Describes the captions of one run, with what is unusual about them."""

    def __init__(self, results: Results, metrics: Sequence[str]):
        self._results, self._metrics = results, metrics
        fields = dict(part.partition(":")[::2] for part in results.signature.split("|"))
        settings = results.run or {}
        self._tokenizer: TokenizerName = settings.get("tokenizer") or SCORING_TOKENIZERS.get(
            fields.get("tokenizer", ""), "words"
        )
        self._counts = Counter(result.caption for result in results.pictures.values())

    def __call__(self, image_id: str, result: PictureResult | None) -> dict[str, Any]:
        values = self._results.images.get(image_id, {})
        scores = [_rounded(values.get(metric)) for metric in self._metrics]
        if result is None:
            return {
                "caption": None, "words": [], "log_probs": [], "notInReferences": [],
                "scores": scores,
            }  # fmt: skip
        words = result.words or tuple(tokenize(result.caption, self._tokenizer))
        known = {word for text in result.references for word in tokenize(text, self._tokenizer)}
        return {
            "caption": result.caption,
            "alternatives": result.alternatives,
            "confidence": result.confidence,
            "words": words,
            "log_probs": result.log_probs,
            "scores": scores,
            "notInReferences": [n for n, word in enumerate(words) if known and word not in known],
            "shared": self._counts[result.caption] > 1,
            "unfinished": words[-1:] != () and words[-1] in FUNCTION_WORDS,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _image_ids(results: Mapping[str, Results]) -> list[str]:
    return list(dict.fromkeys(image_id for one in results.values() for image_id in one.images))


def _run(name: str, results: Results, test: DeletionTest | None) -> dict[str, Any]:
    return {
        "name": name,
        "scores": results.scores,
        "intervals": results.intervals,
        "baselines": results.baselines,
        "diagnostics": results.diagnostics,
        "cost": results.cost,
        "signature": results.signature,
        "notes": results.notes,
        "split": results.split,
        "curve": results.curve,
        "deletionTest": test,
        "settings": results.run,
        "grid": _grid(results.run or {}),
    }


def _grid(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the shape of a run's attention grid and the part of a picture that it covers."""
    encoder = settings.get("encoder")
    if not encoder:
        return None
    crop = encoder["side"] / (encoder.get("resize_side") or encoder["side"])
    return {
        "rows": encoder["rows"],
        "columns": encoder["columns"],
        "crop": crop if encoder["resize"] == "crop" else None,
    }
