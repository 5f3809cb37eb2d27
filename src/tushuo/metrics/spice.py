"""SPICE by the official Java program: Anderson et al., "SPICE", ECCV 2016.

Captions are parsed into graphs of objects, attributes and relations; the score is the F-score of
their tuples. The program is part of pycocoevalcap, but its parser (Stanford CoreNLP) must be
fetched separately.
"""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, final

import numpy as np
from jaxtyping import Float

from tushuo.errors import MissingPartError
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.official import program_folder, require_java

JAR = "spice-1.0.jar"
PARSER = ("lib/stanford-corenlp-3.6.0.jar", "lib/stanford-corenlp-3.6.0-models.jar")
FETCH = "python -m pycocoevalcap.spice.get_stanford_models (400 MB)"


@final
class Spice:
    """SPICE; the statistic of a picture is its F-score."""

    names = ("SPICE",)
    total: Literal["sum", "mean"] = "mean"

    def statistics(self, corpus: Corpus) -> Float[np.ndarray, "I S"]:
        """Run the program once for all pictures.

        Raises:
            MissingPartError: Java, the program or its parser is missing, or the program failed.
        """
        jar = program_folder("SPICE", (JAR, *PARSER), fetch=FETCH) / JAR
        require_java("SPICE")
        pairs = zip(corpus.hypotheses, corpus.references, strict=True)
        pictures = [
            {
                "image_id": n,
                "test": " ".join(hypothesis),
                "refs": [" ".join(reference) for reference in references],
            }
            for n, (hypothesis, references) in enumerate(pairs)
        ]
        with TemporaryDirectory() as folder:
            captions, output = Path(folder, "captions.json"), Path(folder, "scores.json")
            captions.write_text(json.dumps(pictures))
            command = ["java", "-Xmx8G", "-jar", str(jar), str(captions), "-out", str(output)]
            process = subprocess.run(
                [*command, "-subset", "-silent"], capture_output=True, text=True, check=False
            )
            if process.returncode or not output.is_file():
                reason = (process.stderr.strip() or "no error output").splitlines()[0]
                raise MissingPartError(
                    f"SPICE's program failed with exit code {process.returncode}: {reason}; it "
                    "requires Java and 8 GB of memory"
                )
            rows = json.loads(output.read_text())
        f_scores = {row["image_id"]: row["scores"]["All"]["f"] for row in rows}
        return np.array([[f_scores[n]] for n in range(len(pictures))], dtype=float)

    def scores(self, statistics: Float[np.ndarray, "X S"]) -> Float[np.ndarray, "X K"]:
        """Return the statistics, which are the scores."""
        return statistics
