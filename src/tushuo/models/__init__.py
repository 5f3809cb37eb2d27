"""Models that come with the package: a folder a language, made by ``tushuo pack``.

MODELS/en, MODELS/zh: what pack.py writes, and README.md, the model's card.
"""

from pathlib import Path

from tushuo.errors import RunError
from tushuo.text.tokenization import Language

FOLDER = Path(__file__).parent


def shipped(language: Language = "en") -> Path:
    """Return the folder of the model that speaks a language.

    Raises:
        RunError: this installation has no model of it.
    """
    folder = FOLDER / language
    if not (folder / "run.json").exists():
        raise RunError(
            f"this installation ships no model that speaks {language}; name a run with --run, "
            "which is made by: tushuo train DATA --store STORE --output RUN"
        )
    return folder
