"""A run as a small model: all that captioning wants, in one folder of a few megabytes.

MODEL/ is a run folder (run.py) without what only a training wants: best.safetensors has the
decoder's weights, and those of the encoder's upper part where it was trained, rounded (weights.py);
beside it run.json, what else a run tells, and how it is calibrated. A calibration is told by the
weights that it was fitted for; it is signed anew for the rounded ones, since rounding moves what it
looks at by far less than it can tell apart. So is what is familiar.
"""

from dataclasses import replace
from pathlib import Path

import msgspec
from safetensors.torch import save

from tushuo.encoders.spec import OWN
from tushuo.errors import RunError
from tushuo.runs.quantization import Precision, quantize
from tushuo.runs.run import Run, copy_metadata, merge_weights, read_config, run_signature
from tushuo.runtime import write_bytes
from tushuo.search.config import SearchConfig
from tushuo.trust import confidence
from tushuo.trust import familiarity as familiar

BATCH_PICTURES = 32


def pack(
    folder: Path, output: Path, *, precision: Precision, search: SearchConfig | None = None
) -> None:
    """Write a run as a small model.

    Args:
        folder: the run.
        output: the model's folder.
        precision: how its weights are rounded.
        search: how the model searches unless asked otherwise; None: as the run does.

    Raises:
        RunError: the run is not whole, or the output has a run or a model already.
    """
    if (output / "run.json").exists():
        raise RunError(f"{output} holds a run or a model already; choose another --output")
    run, config = Run.load(folder), read_config(folder)
    copy_metadata(folder, output)
    weights = quantize(merge_weights(run.decoder, run.head), precision)
    write_bytes(output / "best.safetensors", save(weights))
    head = OWN if run.head else None
    config = replace(
        config, encoder=replace(config.encoder, head=head), search=search or config.search
    )
    write_bytes(output / "run.json", msgspec.json.format(msgspec.json.encode(config)))
    old, new = run_signature(run), run_signature(Run.load(output))
    for calibration in confidence.read(folder):
        of, _, how = calibration.signature.partition("|search:")
        if of == old:
            confidence.keep(output, replace(calibration, signature=f"{new}|search:{how}"))
    known = familiar.read(folder)
    if known and known.signature == run.config.encoder.signature:
        encoder = Run.load(output).config.encoder
        familiar.keep(output, replace(known, signature=encoder.signature))
