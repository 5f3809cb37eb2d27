"""METEOR 1.5: Denkowski, Lavie, "Meteor Universal", WMT 2014; alignments by the official program.

The alignment is made by the Java program that pycocoevalcap brings, as the COCO evaluator calls it;
one process serves all captions. From its counts the score is computed here (section 3 of the paper,
English parameters), so that the bootstrap has what it needs; a test holds it to the program's own.
"""

import atexit
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, final

import numpy as np
from jaxtyping import Float

from tushuo.errors import MissingPartError
from tushuo.metrics.corpus import Corpus, Words

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
WEIGHTS = np.array([1.0, 0.6, 0.8, 0.6])  # of exact, stem, synonym and paraphrase matches
COUNTS = 23  # numbers that the program gives for a picture


@final
class Meteor:
    """METEOR; the statistics are the counts of the official program.

    Lengths of hypothesis and reference, their function words; for each of the four kinds of matches
    content words of both, function words of both; chunks, matched words of both.
    """

    names = ("METEOR",)
    total: Literal["sum", "mean"] = "sum"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Align each hypothesis with its best reference.

        Raises:
            MissingPartError: Java or pycocoevalcap is not here.
        """
        program = _program()
        pairs = zip(corpus.hypotheses, corpus.references, strict=True)
        lines = [program.ask(_line(words, references)) for words, references in pairs]
        return counts(lines)

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Weigh matches, combine precision and recall, take off for fragments."""
        words, theirs, function, their_function = statistics[:, :4].T
        matches = statistics[:, 4:20].reshape(-1, len(WEIGHTS), 4)
        own_content, their_content, own_function, their_functions = (
            WEIGHTS @ matches[:, :, kind].T for kind in range(4)
        )
        precision = _share(own_content, own_function, words, function)
        recall = _share(their_content, their_functions, theirs, their_function)
        chunks, own_matched, matched = statistics[:, 20:].T
        penalty = GAMMA * _divide(chunks, (own_matched + matched) / 2) ** BETA
        mean = _divide(precision * recall, ALPHA * precision + (1 - ALPHA) * recall)
        return ((1 - penalty) * mean)[:, None]


def counts(lines: Sequence[str]) -> Float[np.ndarray, "I S"]:
    """Read the program's answers; a caption that matches as a whole has no fragments."""
    table = np.array([line.split() for line in lines], dtype=float).reshape(-1, COUNTS)
    chunks, own_matched, matched = table[:, 20:].T
    whole = (own_matched == table[:, 0]) & (matched == table[:, 1]) & (chunks == 1)
    table[whole, 20] = 0
    return table


def _share(
    content: Float[np.ndarray, " X"],
    function: Float[np.ndarray, " X"],
    words: Float[np.ndarray, " X"],
    function_words: Float[np.ndarray, " X"],
) -> Float[np.ndarray, " X"]:
    """Return the weighted share of matched words; content words count DELTA, the others less."""
    there = DELTA * (words - function_words) + (1 - DELTA) * function_words
    return _divide(DELTA * content + (1 - DELTA) * function, there)


def _divide(
    above: Float[np.ndarray, " X"], below: Float[np.ndarray, " X"]
) -> Float[np.ndarray, " X"]:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _line(hypothesis: Words, references: Iterable[Words]) -> str:
    parts = [" ".join(words) for words in (*references, hypothesis)]
    return " ||| ".join(["SCORE", *(part.replace("|||", "") for part in parts)])


class _Program:
    """The official program, waiting for lines."""

    def __init__(self, folder: Path):
        command = ["java", "-jar", "-Xmx2G", "meteor-1.5.jar", "-", "-", "-stdio", "-l", "en"]
        self._process = subprocess.Popen(
            [*command, "-norm"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        atexit.register(self._process.kill)

    def ask(self, line: str) -> str:
        """Send a line and read the answer.

        Raises:
            MissingPartError: the program has ended.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise MissingPartError(
                f"METEOR's Java program ended with {self._process.wait()}; it wants Java and 2 GB"
            )
        return answer


@cache
def _program() -> _Program:
    """Start the program, once."""
    found = find_spec("pycocoevalcap")
    if found is None or not found.submodule_search_locations or shutil.which("java") is None:
        raise MissingPartError(
            "METEOR wants Java and the official program: install a Java runtime, and "
            "pip install 'tushuo[official]'"
        )
    return _Program(Path(found.submodule_search_locations[0]) / "meteor")
