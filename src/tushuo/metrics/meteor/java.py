"""METEOR's counts by the official Java program, one process for all captions."""

import atexit
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from tushuo.errors import MissingPartError
from tushuo.metrics.corpus import Corpus, Words
from tushuo.metrics.meteor.extra import JAR, folder
from tushuo.metrics.official import require_java


def count(corpus: Corpus) -> Float[np.ndarray, "I S"]:
    """Align each hypothesis with its best reference.

    Raises:
        MissingPartError: Java or the extra is not installed.
    """
    program = _program()
    pairs = zip(corpus.hypotheses, corpus.references, strict=True)
    rows = [program.request(_line(hypothesis, references)) for hypothesis, references in pairs]
    return np.array([row.split() for row in rows], dtype=float)


def _line(hypothesis: Words, references: Iterable[Words]) -> str:
    captions = [" ".join(words) for words in (*references, hypothesis)]
    return " ||| ".join(["SCORE", *(caption.replace("|||", "") for caption in captions)])


class _Program:
    """The official program as a server process, started as pycocoevalcap starts it."""

    def __init__(self, folder: Path):
        command = ["java", "-jar", "-Xmx2G", JAR, "-", "-", "-stdio", "-l", "en", "-norm"]
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        atexit.register(self._process.kill)
        self.pid = self._process.pid

    def request(self, line: str) -> str:
        """Send a line and read the response.

        Raises:
            MissingPartError: the program has ended.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            response = self._process.stdout.readline()
        except BrokenPipeError:
            response = ""
        if not response:
            raise MissingPartError(
                f"METEOR's Java program ended with exit code {self._process.wait()}; it requires "
                "Java and 2 GB of memory; --meteor needs neither"
            )
        return response


@cache
def _program() -> _Program:
    """Start the program, once."""
    place = folder()
    require_java(
        "--meteor-java", alternative=", or use --meteor, which gives the same numbers without it"
    )
    return _Program(place)
