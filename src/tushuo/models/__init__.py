"""Models that come with the package, one folder a language, made by ``tushuo pack``.

models/en and models/zh hold what `runs.pack` writes, and README.md, the model card.
"""

from pathlib import Path

from tushuo.errors import RunError
from tushuo.text.tokenization import LANGUAGES, Language

FOLDER = Path(__file__).parent


def shipped(language: Language = "en") -> Path:
    """Return the folder of the model of a language.

    Raises:
        RunError: this installation has none.
    """
    folder = FOLDER / language
    if not (folder / "run.json").exists():
        raise RunError(
            f"this installation has no {LANGUAGES[language]} model; name a run with --run, made "
            "by: tushuo train DATA --store STORE --output RUN"
        )
    return folder
