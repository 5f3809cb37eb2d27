"""Export a run as a small, shareable model: everything that captioning needs, in a few megabytes.

MODEL/ is a run folder (run.py) without what only training needs. Its best.safetensors has the
quantised weights (quantization.py) of the decoder and, if it was fine-tuned, of the encoder's head.
Calibrations are matched by the weights that they were fitted for; they are copied and signed for
the quantised weights, because quantisation changes the statistics by far less than calibration
resolves. The same holds for familiarity.
"""

from dataclasses import replace
from pathlib import Path

import msgspec

from tushuo.concepts.encoder import is_concepts
from tushuo.concepts.model import read_concept_settings
from tushuo.encoders.spec import OWN
from tushuo.errors import RunError
from tushuo.quantization import Precision, quantize
from tushuo.runs.run import Run, copy_metadata, read_config, run_signature
from tushuo.runs.weights import BEST, merge_weights
from tushuo.runtime import write_bytes
from tushuo.search.config import SearchConfig
from tushuo.tensor_files import save_tensors
from tushuo.trust.confidence import read_calibrations, save_calibration
from tushuo.trust.familiarity import read_familiarity, save_familiarity

GENERAL = "general"  # subfolder of a model, with the run that captions pictures of other kinds


def pack(
    folder: Path, output: Path, *, precision: Precision, search: SearchConfig | None = None
) -> None:
    """Write a run as a small model.

    Args:
        folder: the run folder.
        output: the model's folder.
        precision: how weights are stored.
        search: default search of the model; None: the run's.

    Raises:
        RunError: the run is incomplete, or the output folder already has a run or a model.
    """
    if (output / "run.json").exists():
        raise RunError(f"{output} already holds a run or a model; choose another --output")
    run, config = Run.load(folder), read_config(folder)
    copy_metadata(folder, output)
    weights = quantize(merge_weights(run.decoder, run.head), precision)
    save_tensors(output / BEST, weights)
    encoder = replace(config.encoder, head=OWN if run.head else None)
    config = replace(config, encoder=encoder, search=search or config.search)
    write_bytes(output / "run.json", msgspec.json.format(msgspec.json.encode(config)))
    _copy_calibrations(run, output)


def _copy_calibrations(run: Run, output: Path) -> None:
    packed, current = Run.load(output), run_signature(run)
    for calibration in read_calibrations(run.folder):
        fitted_for, _, search = calibration.signature.partition("|search:")
        if fitted_for == current:
            signature = f"{run_signature(packed)}|search:{search}"
            save_calibration(output, replace(calibration, signature=signature))
    familiarity = read_familiarity(run.folder)
    if familiarity and familiarity.signature == _features_signature(run):
        save_familiarity(output, replace(familiarity, signature=_features_signature(packed)))


def _features_signature(run: Run) -> str:
    """Return the signature of the encoder whose features show how familiar a picture is."""
    if is_concepts(run.config.encoder):
        return read_concept_settings(run.folder).encoder.signature
    return run.config.encoder.signature
