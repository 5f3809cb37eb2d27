"""What a report shows, as plain values: the page only draws them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tushuo import __version__
from tushuo.errors import SignatureError
from tushuo.evaluation.results import PictureResult, Results
from tushuo.metrics.caption_diagnostics import FUNCTION_WORDS
from tushuo.metrics.compare import incomparable
from tushuo.metrics.deletion import DeletionTest
from tushuo.report.deletion_test import LOOKS, TITLES
from tushuo.text import tokenization

WHO = "|run:"  # from here on a signature says who made the captions, which is what is compared
NO_TESTS: Mapping[str, DeletionTest | None] = {}
SPLITTINGS: dict[str, tokenization.TokenizerName] = {"jieba": "jieba", "characters": "characters"}


def warning(results: Mapping[str, Results]) -> str | None:
    """Say where scores were made otherwise than the first ones; None where all can be compared."""
    told: dict[str, str | None] = {n: of.signature for n, of in results.items() if of.signature}
    wanted = (next(iter(told.values()), None) or "").split(WHO)[0]
    return incomparable(told, wanted)


def require_comparable(results: Mapping[str, Results]) -> None:
    """Refuse to show numbers side by side that mean different things.

    Raises:
        SignatureError: the message says where they differ.
    """
    told = warning(results)
    if told:
        raise SignatureError(
            f"{told}, so their scores cannot be compared; score them with the same references and "
            "tokenizer, or --force to show them beside each other with a warning"
        )


def summary(
    results: Mapping[str, Results], tested: Mapping[str, DeletionTest | None] = NO_TESTS
) -> dict[str, Any]:
    """Return all but the pictures."""
    return {
        "version": __version__,
        "metrics": metrics(results),
        "runs": [_run(name, of, tested.get(name)) for name, of in results.items()],
        "masks": {name: told for name, (*_, told) in LOOKS.items()},
        "kinds": TITLES,
        "warning": warning(results),
        "pictures": len(_names(results)),
    }


def metrics(results: Mapping[str, Results]) -> list[str]:
    """Return the names of all scores; where CIDEr is CIDEr-D, as officially, it comes once."""
    names = list(dict.fromkeys(name for of in results.values() for name in of.scores))
    twice = all(of.scores.get("CIDEr") == of.scores.get("CIDEr-D") for of in results.values())
    return [name for name in names if not (twice and name == "CIDEr-D")]


def pictures(results: Mapping[str, Results]) -> list[dict[str, Any]]:
    """Return what was said of every picture, in the order of the data, without its pixels.

    ``said`` has an item a run that was evaluated: caption, alternatives, confidence, words and
    their probabilities, scores, ``strange`` (places of words that no reference has), ``shared``
    (another picture has the same caption), ``unfinished`` (it ends in a function word).
    """
    scored = [of for of in results.values() if of.scores]
    judges = [_Judge(of, metrics(results)) for of in scored]
    found = []
    for name in _names(results):
        own = [of.pictures.get(name) for of in scored]
        first = next((said for said in own if said), PictureResult(caption=""))
        found.append(
            {
                "id": name,
                "path": first.path,
                "references": first.references,
                "said": [judge(name, said) for said, judge in zip(own, judges, strict=True)],
            }
        )
    return found


class _Judge:
    """Looks for what is wrong with the captions of one run."""

    def __init__(self, results: Results, metrics: Sequence[str]):
        self._results, self._metrics = results, metrics
        fields = dict(part.partition(":")[::2] for part in results.signature.split("|"))
        settings = results.run or {}
        self._how: tokenization.TokenizerName = settings.get("tokenizer") or SPLITTINGS.get(
            fields.get("tokenizer", ""), "words"
        )
        self._counts = Counter(said.caption for said in results.pictures.values())

    def __call__(self, name: str, said: PictureResult | None) -> dict[str, Any]:
        own = self._results.images.get(name, {})
        scores = [_rounded(own.get(metric)) for metric in self._metrics]
        if said is None:
            return {"caption": None, "words": [], "log_probs": [], "strange": [], "scores": scores}
        words = said.words or tuple(tokenization.tokenize(said.caption, self._how))
        known = {
            word
            for caption in said.references
            for word in tokenization.tokenize(caption, self._how)
        }
        return {
            "caption": said.caption,
            "alternatives": said.alternatives,
            "confidence": said.confidence,
            "words": words,
            "log_probs": said.log_probs,
            "scores": scores,
            "strange": [n for n, word in enumerate(words) if known and word not in known],
            "shared": self._counts[said.caption] > 1,
            "unfinished": words[-1:] != () and words[-1] in FUNCTION_WORDS,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _names(results: Mapping[str, Results]) -> list[str]:
    return list(dict.fromkeys(name for of in results.values() for name in of.images))


def _run(name: str, results: Results, tested: DeletionTest | None) -> dict[str, Any]:
    return {
        "name": name,
        "scores": results.scores,
        "intervals": results.intervals,
        "baselines": results.baselines,
        "diagnostics": results.diagnostics,
        "signature": results.signature,
        "notes": results.notes,
        "split": results.split,
        "curve": results.curve,
        "deletionTest": tested,
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
