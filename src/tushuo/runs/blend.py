"""A run between two: what a training began from, and what came of it.

Wortsman et al., "Robust Fine-Tuning of Zero-Shot Models", CVPR 2022, equation 1: the mean of both
weights, where one training began from the other's, keeps more of what the first could do than the
second did, and most of what the second has learned.
"""

from dataclasses import replace
from pathlib import Path

import msgspec
from safetensors.torch import save

from tushuo.encoders.split_encoder import save_head
from tushuo.errors import RunError, SettingError
from tushuo.runs.run import Run, copy_metadata, read_config
from tushuo.runtime import sha256, write_bytes
from tushuo.signatures import require_same, signature


def blend(first: Path, second: Path, output: Path, *, share: float) -> None:
    """Write the run between two.

    Args:
        first: what the second began from.
        second: what came of it.
        output: the new run's folder.
        share: of the second's weights, above 0 and below 1.

    Raises:
        SettingError: the share is not between the two.
        SignatureError: the second did not begin from the first, or looks otherwise.
        RunError: one of them is not whole, or the output has a run already.
    """
    if not 0 < share < 1:
        raise SettingError(f"share was {share}, it must be above 0 and below 1")
    if (output / "run.json").exists():
        raise RunError(f"{output} holds a run already; choose another --output")
    one, other, config = Run.load(first), Run.load(second), read_config(second)
    began = sha256(first / "best.safetensors")[:16]
    require_same(
        signature(begun=began, looks=one.config.encoder.head),
        signature(begun=config.initialized_from, looks=other.config.encoder.head),
        what=f"the weights of {first} and those that {second} began from",
        cure="name the run that its training was told by --from, and that has not learned since",
    )
    ours, theirs = one.decoder.state_dict(), other.decoder.state_dict()
    mean = {name: ours[name].lerp(theirs[name], share).contiguous() for name in theirs}
    copy_metadata(second, output)
    write_bytes(output / "best.safetensors", save(mean))
    if other.head:
        save_head(output, other.head)
        config = replace(config, encoder=replace(config.encoder, head=other.config.encoder.head))
    config = replace(config, blend_share=share)
    write_bytes(output / "run.json", msgspec.json.format(msgspec.json.encode(config)))
