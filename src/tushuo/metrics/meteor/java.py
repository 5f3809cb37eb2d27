"""METEOR's counts by the official Java program, one process for all captions."""

import atexit
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from tushuo.errors import MissingPartError
from tushuo.metrics.corpus import Corpus, Words
from tushuo.metrics.meteor.extra import JAR, folder


def count(corpus: Corpus) -> Float[np.ndarray, "I S"]:
    """Align each hypothesis with its best reference.

    Raises:
        MissingPartError: Java or the extra is not here.
    """
    program = _program()
    pairs = zip(corpus.hypotheses, corpus.references, strict=True)
    answers = [program.ask(_line(own, references)) for own, references in pairs]
    return np.array([answer.split() for answer in answers], dtype=float)


def _line(hypothesis: Words, references: Iterable[Words]) -> str:
    parts = [" ".join(words) for words in (*references, hypothesis)]
    return " ||| ".join(["SCORE", *(part.replace("|||", "") for part in parts)])


class _Program:
    """The official program, waiting for lines; it is called as pycocoevalcap calls it."""

    def __init__(self, place: Path):
        command = ["java", "-jar", "-Xmx2G", JAR, "-", "-", "-stdio", "-l", "en", "-norm"]
        self._process = subprocess.Popen(
            command,
            cwd=place,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        atexit.register(self._process.kill)
        self.pid = self._process.pid

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
                f"METEOR's Java program ended with {self._process.wait()}; it wants Java and 2 GB; "
                "--meteor wants neither"
            )
        return answer


@cache
def _program() -> _Program:
    """Start the program, once."""
    place = folder()
    if shutil.which("java") is None:
        raise MissingPartError(
            "--meteor-java wants Java, which is not here: install a Java runtime, or take "
            "--meteor, which gives the same numbers without it"
        )
    return _Program(place)
