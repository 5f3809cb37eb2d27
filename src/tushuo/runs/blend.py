"""Interpolate the weights of a run and of a run that was fine-tuned from it.

Wortsman et al., "Robust Fine-Tuning of Zero-Shot Models", CVPR 2022, equation 1: the interpolated
weights keep most of what fine-tuning gained, and lose less of what the initial run could do.
"""

from dataclasses import replace
from pathlib import Path

import msgspec

from tushuo.encoders.split_encoder import save_head
from tushuo.errors import RunError, SettingError
from tushuo.runs.run import Run, copy_metadata, read_config
from tushuo.runs.weights import BEST
from tushuo.runtime import sha256, write_bytes
from tushuo.signatures import require_same, signature
from tushuo.tensor_files import save_tensors


def blend(first: Path, second: Path, output: Path, *, share: float) -> None:
    """Write the interpolated run.

    Args:
        first: the initial run.
        second: the run that was trained from it.
        output: folder of the new run.
        share: weight of the second run, above 0 and below 1.

    Raises:
        SettingError: the share is out of range.
        SignatureError: the second run was not trained from the first, or has another encoder.
        RunError: one of them is incomplete, or the output folder already has a run.
    """
    if not 0 < share < 1:
        raise SettingError(f"share was {share}, but must be above 0 and below 1")
    if (output / "run.json").exists():
        raise RunError(f"{output} already holds a run; choose another --output")
    initial, tuned, config = Run.load(first), Run.load(second), read_config(second)
    initial_hash = sha256(first / BEST)[:16]
    require_same(
        signature(weights=initial_hash, head=initial.config.encoder.head),
        signature(weights=config.initialized_from, head=tuned.config.encoder.head),
        what=f"the weights of {first} and those that {second} was trained from",
        cure="name the run that was given by --from, as it was then",
    )
    before, after = initial.decoder.state_dict(), tuned.decoder.state_dict()
    weights = {name: before[name].lerp(after[name], share).contiguous() for name in after}
    copy_metadata(second, output)
    save_tensors(output / BEST, weights)
    if tuned.head:
        save_head(output, tuned.head)
        config = replace(config, encoder=replace(config.encoder, head=tuned.config.encoder.head))
    config = replace(config, blend_share=share)
    write_bytes(output / "run.json", msgspec.json.format(msgspec.json.encode(config)))
