"""SPICE by the official Java program: Anderson et al., "SPICE", ECCV 2016.

Captions become graphs of things, attributes and relations; the score is the F of their parts. The
program comes with pycocoevalcap, but the parser that it reads captions with (Stanford CoreNLP) has
to be fetched by the user.
"""

import json
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, final

import numpy as np
from jaxtyping import Float

from tushuo.errors import MissingPartError
from tushuo.metrics.corpus import Corpus

JAR = "spice-1.0.jar"
PARSER = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")
GET = "python -m pycocoevalcap.spice.get_stanford_models"


@final
class Spice:
    """SPICE; the statistic of a picture is its F."""

    names = ("SPICE",)
    total: Literal["sum", "mean"] = "mean"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Ask the program once for all pictures.

        Raises:
            MissingPartError: Java, the program or its parser is not here, or it ended early.
        """
        place = _program()
        pictures = [
            {"image_id": n, "test": " ".join(own), "refs": [" ".join(one) for one in references]}
            for n, (own, references) in enumerate(
                zip(corpus.hypotheses, corpus.references, strict=True)
            )
        ]
        with TemporaryDirectory() as folder:
            asked, told = Path(folder, "captions.json"), Path(folder, "scores.json")
            asked.write_text(json.dumps(pictures))
            command = ["java", "-Xmx8G", "-jar", str(place / JAR), str(asked), "-out", str(told)]
            ended = subprocess.run(
                [*command, "-subset", "-silent"], capture_output=True, text=True, check=False
            )
            if ended.returncode or not told.is_file():
                last = (ended.stderr.strip() or "without a word").splitlines()[0]
                raise MissingPartError(
                    f"SPICE's program ended with {ended.returncode}: {last}; it wants Java and 8 GB"
                )
            found = {row["image_id"]: row["scores"] for row in json.loads(told.read_text())}
        return np.array([[found[n]["All"]["f"]] for n in range(len(pictures))], dtype=float)

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Return the F itself."""
        return statistics


def _program() -> Path:
    """Find the program's folder, with all its parts."""
    spec = find_spec("pycocoevalcap")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPartError(
            "SPICE wants pycocoevalcap, which is not installed: pip install 'tushuo[official]'"
        )
    place = Path(spec.submodule_search_locations[0]) / "spice"
    for part in (place / JAR, *(place / "lib" / name for name in PARSER)):
        if not part.is_file():
            raise MissingPartError(
                f"SPICE wants {part}, which is not there; fetch it (400 MB) with: {GET}"
            )
    if shutil.which("java") is None:
        raise MissingPartError("SPICE wants Java, which is not here: install a Java runtime")
    return place
