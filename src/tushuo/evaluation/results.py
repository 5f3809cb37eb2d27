"""The results folder: what a run said of a split, with all that a report shows of it.

RESULTS/
  captions.json   the captions, in the official form of COCO results
  scores.json     scores, intervals, baselines, habits; the run's settings and loss curve; of each
                  picture its scores, path, references, caption, words and what they looked at
  deletion_test.json  whether hiding attended regions matters (tushuo deletion-test)
"""

import csv
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
EXPECTED = "a results folder of tushuo evaluate, or what --json of evaluate or score printed"


@dataclass(frozen=True, kw_only=True)
class PictureResult:
    """What was said of one picture, and what people say of it.

    Attributes:
        caption: the caption.
        references: what people said.
        path: where the picture lay.
        words: the caption's words, and log_probs: natural logarithm of each one's probability, one
            more for the end; both empty for captions of another tool.
        attention: a byte for each word and cell of the encoder's grid, word by word, row by row;
            255 is where the word looked most.
        alternatives: the next best captions, or the other samples, where the search gave several.
        confidence: probability that the caption fits; None where the run was not calibrated for it.
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
    """What ``scores.json`` holds; ``tushuo score --json`` prints the first part of it.

    Attributes:
        scores, intervals, images, signature, notes: as in ``Scores``.
        pictures: what was said of each picture.
        baselines: scores of captions that want no captioner, by name.
        habits: what the scores hide.
        split: which pictures of the data.
        run: the run's ``run.json``.
        curve: a row an epoch of the run's ``log.csv``.
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
    run: dict[str, Any] | None = None
    curve: list[dict[str, float | None]] = field(default_factory=list)
    format: int = FORMAT

    @classmethod
    def of(cls, found: Scores, **more: Any) -> "Results":
        """Take scores, and what else there is to tell."""
        return cls(**{name: getattr(found, name) for name in Scores.__dataclass_fields__}, **more)


def attention_to_bytes(attention: Float[np.ndarray, "T rows columns"]) -> bytes:
    """Keep maps as a byte a cell, each on a scale of its own."""
    most = attention.max(axis=(1, 2), keepdims=True, initial=1e-12)
    return np.rint(attention / most * 255).astype(np.uint8).tobytes()


def save_results(folder: Path, results: Results, said: dict[int | str, PictureResult]) -> None:
    """Write a results folder."""
    write_captions(folder / "captions.json", said)
    write_bytes(folder / "scores.json", msgspec.json.encode(results))


def write_captions(path: Path, said: dict[int | str, PictureResult]) -> None:
    """Write captions in the official form of COCO results."""
    rows = [{"image_id": name, "caption": one.caption} for name, one in said.items()]
    write_bytes(path, msgspec.json.encode(rows))


def read_results(path: Path) -> Results:
    """Read a results folder, its ``scores.json``, what --json printed, or what has no scores.

    A run folder has none, nor a folder of ``tushuo deletion-test`` alone.

    Raises:
        DataError: it is none of these; the message says how to make one.
    """
    file = path / "scores.json" if path.is_dir() else path
    settings = read_settings(path)
    beside = settings is not None or any(
        (path / name).is_file() for name in (TEST_FILE, OLD_TEST_FILE)
    )
    if beside and not file.is_file():
        bare = Scores(scores={}, intervals={}, images={}, signature="", notes=[])
        return Results.of(bare, run=settings, curve=read_curve(path))
    try:
        content = msgspec.json.decode(file.read_bytes())
    except FileNotFoundError as error:
        raise DataError(
            f"{file} is not there; make it with: tushuo evaluate DATA --run RUN --output {path}"
        ) from error
    except msgspec.DecodeError as error:
        raise DataError(f"{file} is not JSON: {error}; expected {EXPECTED}") from error
    if not isinstance(content, dict) or "images" not in content or "signature" not in content:
        raise DataError(
            f"{file} holds no scores; expected {EXPECTED}; captions are scored by: "
            f"tushuo score --references REF.json --hypotheses {file} --json"
        )
    if content.get("format", 1) == 1:
        content = upgrade_results(content) | {"format": FORMAT}
    if content["format"] != FORMAT:
        raise DataError(f"{file} is of format {content['format']}, this tushuo reads {FORMAT}")
    try:
        found = msgspec.convert(content, Results, str_keys=True)
    except msgspec.ValidationError as error:
        raise DataError(f"{file} is of another form: {error}; expected {EXPECTED}") from error
    if not all(":" in part for part in found.signature.split("|")):
        raise DataError(f"{file} has the signature {found.signature!r}; expected {EXPECTED}")
    return found


def save_deletion_test(folder: Path, found: DeletionTest) -> None:
    """Write the outcome of a deletion test into a results folder, or into one of its own."""
    write_bytes(folder / TEST_FILE, msgspec.json.encode(found))


def read_deletion_test(path: Path, scores: str) -> DeletionTest | None:
    """Read the deletion test that lies beside scores; None where there is none.

    Args:
        path: a results folder, its ``scores.json``, or a run folder.
        scores: their signature.

    Raises:
        DataError: it cannot be read.
        SignatureError: it tested other captions than those that were scored.
    """
    folder = path if path.is_dir() else path.parent
    files = [folder / name for name in (TEST_FILE, OLD_TEST_FILE)]
    file = next((one for one in files if one.is_file()), files[0])
    if not (path.is_dir() or path.name == "scores.json") or not file.is_file():
        return None
    again = (
        f"make it again: tushuo deletion-test DATA --run RUN --store STORE --output {file.parent}"
    )
    try:
        content = msgspec.json.decode(file.read_bytes())
        if isinstance(content, dict) and content.get("format") == 1:
            content = upgrade_deletion_test(content) | {"format": TEST_FORMAT}
        found = msgspec.convert(content, DeletionTest)
    except msgspec.DecodeError as error:
        raise DataError(f"{file} cannot be read: {error}; {again}") from error
    require_same_captions(scores, found.signature, what=f"{file} and the scores", cure=again)
    return found


def require_same_captions(scores: str, evidence: str, *, what: str, cure: str) -> None:
    """Refuse a deletion test of other captions than those that were scored.

    Args:
        scores: their signature; those of another tool do not say who made the captions.
        evidence: the test's signature.
        what: the two, in the message.
        cure: what to do, in the message.

    Raises:
        SignatureError: they are of other runs or other searches.
    """
    told = [only(("run", "search"), text) for text in (evidence, scores)]
    if told[1]:
        require_same(*told, what=what, cure=cure)


def read_settings(folder: Path) -> dict[str, Any] | None:
    """Read a run's ``run.json`` as it stands; None where there is none.

    Raises:
        DataError: it cannot be read.
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
    """Read a run's ``log.csv``, a row an epoch; nothing where no epoch has ended yet.

    Raises:
        DataError: a number in it is none.
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
            f"{path} cannot be read: {error}; the same tushuo train command writes it anew"
        ) from error
