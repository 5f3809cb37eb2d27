"""Load a captioner by its run folder, or the model that comes with the package."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from tushuo.captioning.captioner import require_language
from tushuo.captioning.native import NativeCaptioner
from tushuo.device import require_device
from tushuo.errors import SettingError
from tushuo.models import shipped
from tushuo.runs.encoder import encoder_of
from tushuo.runs.ensemble import ensemble
from tushuo.runs.run import Run
from tushuo.text.tokenization import LANGUAGES, Language


def load(
    run: Path | str | Sequence[Path | str] | None = None,
    *,
    language: Language | None = None,
    weights: Path | str | None = None,
    device: str = "cpu",
) -> NativeCaptioner:
    """Load a run folder with the encoder that it was trained with.

    Args:
        run: the folder; several folders are an ensemble, which averages their probabilities; None:
            the model of the language that comes with the package.
        language: language that the captions must have; of the models that come with the package,
            English by default.
        weights: the encoder's weights file, where it cannot be found automatically.
        device: where encoder and decoder run, such as ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        RunError: the folder is not a complete run, or no model of the language is installed.
        SettingError: the run captions in another language, or there is no such device or language.
        WeightsError: the encoder's weights are missing.
        SignatureError: another encoder is installed, or the runs do not fit together.
    """
    torch_device = require_device(device)
    if language is not None and language not in LANGUAGES:
        known = ", ".join(map(repr, LANGUAGES))
        raise SettingError(f"language was {language!r}, but must be one of {known}")
    chosen = shipped(language or "en") if run is None else run
    folders = [chosen] if isinstance(chosen, PathLike | str) else chosen
    if not isinstance(folders, list | tuple) or not folders:
        raise SettingError(f"run was {run!r}, but must be a run folder, or a list of run folders")
    loaded = ensemble([Run.load(folder) for folder in folders])
    encoder = encoder_of(loaded, weights=weights, device=torch_device)
    captioner = NativeCaptioner(loaded, encoder, device=torch_device)
    if language:
        require_language(captioner, language)
    return captioner
