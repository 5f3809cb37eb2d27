"""The results folder: the captions of a split with everything that a report shows of them.

RESULTS/
  captions.json       the captions, in the official form of COCO results
  scores.json         scores, intervals, baselines, diagnostics; the run's settings and loss curve;
                      of each picture its scores, path, references, caption and attention maps
  deletion_test.json  the deletion test of its attention, where `tushuo deletion-test` was run
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from jaxtyping import Float

from tushuo.errors import DataError
from tushuo.metrics.deletion import FORMAT as TEST_FORMAT
from tushuo.metrics.deletion import DeletionTest
from tushuo.metrics.score import Scores
from tushuo.old_names import upgrade_deletion_test, upgrade_results, upgrade_run
from tushuo.runtime import write_bytes
from tushuo.signatures import only, require_same

FORMAT = 2
TEST_FILE, OLD_TEST_FILE = "deletion_test.json", "evidence.json"
EXPECTED = "a results folder of tushuo evaluate, or the --json output of evaluate or score"


@dataclass(frozen=True, kw_only=True)
class PictureResult:
    """The caption of one picture, and its references.

    Attributes:
        caption: the generated caption.
        references: the reference captions.
        path: path that the picture had.
        words: words of the caption; empty for captions of another tool.
        log_probs: natural logarithm of each word's probability, followed by that of the end token;
            empty for captions of another tool.
        attention: one byte for each word and cell of the attention grid, word by word, row by row,
            scaled so that each word's largest weight is 255.
        alternatives: the next best captions, or the other samples.
        confidence: calibrated probability that the caption fits; None without calibration.
    """

    caption: str
    references: tuple[str, ...] = ()
    path: str | None = None
    words: tuple[str, ...] = ()
    log_probs: tuple[float, ...] = ()
    attention: bytes = b""
    alternatives: tuple[str, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class Results:
    """Content of ``scores.json``; ``tushuo score --json`` prints its first part.

    Attributes:
        scores, intervals, images, signature, notes: as in ``Scores``.
        pictures: the caption of each picture, by image id.
        baselines: scores of captions that need no captioner, by name.
        diagnostics: caption diagnostics, by name.
        split: the split of the data.
        model: name of the captioner, to show.
        data: name of the caption data, to show.
        cost: ``parameters`` of the captioner, and ``seconds`` for each picture, opened and encoded
            included.
        run: content of the run's ``run.json``.
        curve: one row for each epoch of the run's ``log.csv``.
    """

    scores: dict[str, float | None]
    intervals: dict[str, tuple[float, float] | None]
    images: dict[str, dict[str, float | None]]
    signature: str
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, PictureResult] = field(default_factory=dict)
    baselines: dict[str, dict[str, float | None]] = field(default_factory=dict)
    diagnostics: dict[str, float | None] = field(default_factory=dict)
    split: str | None = None
    model: str | None = None
    data: str | None = None
    cost: dict[str, float] = field(default_factory=dict)
    run: dict[str, Any] | None = None
    curve: list[dict[str, float | None]] = field(default_factory=list)
    format: int = FORMAT

    @classmethod
    def of(cls, scores: Scores, **more: Any) -> "Results":
        """Make results of scores and further fields."""
        return cls(**{name: getattr(scores, name) for name in Scores.__dataclass_fields__}, **more)


def attention_to_bytes(attention: Float[np.ndarray, "T rows columns"]) -> bytes:
    """Store attention maps as one byte a cell, each map on its own scale."""
    largest = attention.max(axis=(1, 2), keepdims=True, initial=1e-12)
    return np.rint(attention / largest * 255).astype(np.uint8).tobytes()


def save_results(
    folder: Path, results: Results, pictures: Mapping[int | str, PictureResult]
) -> None:
    """Write a results folder."""
    write_captions(folder / "captions.json", pictures)
    write_bytes(folder / "scores.json", msgspec.json.encode(results))


def write_captions(path: Path, pictures: Mapping[int | str, PictureResult]) -> None:
    """Write captions in the official form of COCO results."""
    rows = [{"image_id": name, "caption": result.caption} for name, result in pictures.items()]
    write_bytes(path, msgspec.json.encode(rows))


def read_results(path: Path) -> Results:
    """Read results.

    Args:
        path: a results folder, its ``scores.json``, the saved ``--json`` output of evaluate or
            score, or a folder without scores: a run, or the output of a deletion test alone.

    Raises:
        DataError: it is none of these; the message says how to make one.
    """
    file = path / "scores.json" if path.is_dir() else path
    settings = read_settings(path)
    has_test = any((path / name).is_file() for name in (TEST_FILE, OLD_TEST_FILE))
    if (settings is not None or has_test) and not file.is_file():
        no_scores = Scores(scores={}, intervals={}, images={}, signature="", notes=[])
        return Results.of(no_scores, run=settings, curve=read_curve(path))
    try:
        content = msgspec.json.decode(file.read_bytes())
    except FileNotFoundError as error:
        raise DataError(
            f"{file} does not exist; make it with: tushuo evaluate DATA --run RUN --output {path}"
        ) from error
    except msgspec.DecodeError as error:
        raise DataError(f"{file} is not JSON: {error}; expected {EXPECTED}") from error
    if not isinstance(content, dict) or "images" not in content or "signature" not in content:
        raise DataError(
            f"{file} contains no scores; expected {EXPECTED}; to score captions: "
            f"tushuo score --references REF.json --hypotheses {file} --json"
        )
    if content.get("format", 1) == 1:
        content = upgrade_results(content) | {"format": FORMAT}
    if content["format"] != FORMAT:
        raise DataError(f"{file} has format {content['format']}, this version reads {FORMAT}")
    try:
        results = msgspec.convert(content, Results, str_keys=True)
    except msgspec.ValidationError as error:
        raise DataError(f"{file} has an unknown structure: {error}; expected {EXPECTED}") from error
    if not all(":" in part for part in results.signature.split("|")):
        raise DataError(f"{file} has the signature {results.signature!r}; expected {EXPECTED}")
    return results


def save_deletion_test(folder: Path, test: DeletionTest) -> None:
    """Write a deletion test into a results folder, or into a folder of its own."""
    write_bytes(folder / TEST_FILE, msgspec.json.encode(test))


def read_deletion_test(path: Path, scores: str) -> DeletionTest | None:
    """Read the deletion test beside scores; None where there is none.

    Args:
        path: a results folder, its ``scores.json``, or a run folder.
        scores: signature of the scores.

    Raises:
        DataError: the file cannot be read.
        SignatureError: other captions were tested than those that were scored.
    """
    folder = path if path.is_dir() else path.parent
    paths = [folder / name for name in (TEST_FILE, OLD_TEST_FILE)]
    file = next((path for path in paths if path.is_file()), None)
    if file is None or not (path.is_dir() or path.name == "scores.json"):
        return None
    cure = f"repeat it: tushuo deletion-test DATA --run RUN --store STORE --output {folder}"
    try:
        content = msgspec.json.decode(file.read_bytes())
        if isinstance(content, dict) and content.get("format") == 1:
            content = upgrade_deletion_test(content) | {"format": TEST_FORMAT}
        test = msgspec.convert(content, DeletionTest)
    except msgspec.DecodeError as error:
        raise DataError(f"{file} cannot be read: {error}; {cure}") from error
    require_same_captions(scores, test.signature, what=f"{file} and the scores", cure=cure)
    return test


def require_same_captions(scores: str, test: str, *, what: str, cure: str) -> None:
    """Refuse a deletion test of other captions than those that were scored.

    Args:
        scores: signature of the scores; that of another tool's captions does not name their maker.
        test: signature of the test.
        what: both of them, for the message.
        cure: what to do, for the message.

    Raises:
        SignatureError: they belong to different runs or searches.
    """
    tested, scored = (only(("run", "search"), text) for text in (test, scores))
    if scored:
        require_same(tested, scored, what=what, cure=cure)


def read_settings(folder: Path) -> dict[str, Any] | None:
    """Read the settings in a run's ``run.json``; None where there is none.

    Raises:
        DataError: the file cannot be read.
    """
    path = folder / "run.json"
    try:
        settings = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except msgspec.DecodeError as error:
        raise DataError(f"{path} cannot be read: {error}; train again") from error
    return upgrade_run(settings) if settings.get("format", 1) == 1 else settings


def read_curve(folder: Path) -> list[dict[str, float | None]]:
    """Read a run's ``log.csv``, one row for each epoch; none before the first epoch has ended.

    Raises:
        DataError: a field is not a number.
    """
    path = folder / "log.csv"
    if not path.is_file():
        return []
    try:
        rows = csv.DictReader(path.read_text().splitlines())
        return [
            {name: float(value) if value else None for name, value in row.items()} for row in rows
        ]
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{path} cannot be read: {error}; repeat the same tushuo train command to rewrite it"
        ) from error
