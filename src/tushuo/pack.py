"""A run as a small model: all that captioning wants, in one folder of a few megabytes.

MODEL/ is a run folder (run.py) without what only a training wants: best.safetensors has the
decoder's weights, and those of the encoder's upper part where it was trained, rounded (weights.py);
beside it run.json, what else a run tells, and how it is calibrated. A calibration is told by the
weights that it was fitted for; it is signed anew for the rounded ones, since rounding moves what it
looks at by far less than it can tell apart. So is what is familiar.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor

from tushuo import confidence, familiar
from tushuo.captioner import Captioner, signed
from tushuo.encoders.spec import OWN
from tushuo.errors import RunError
from tushuo.run import Run, best_weights, read_config, take_along
from tushuo.runtime import write_bytes
from tushuo.search.config import SearchConfig
from tushuo.search.forced import forced
from tushuo.vocabulary import END
from tushuo.weights import Precision, shrink

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
    take_along(folder, output)
    weights = shrink(best_weights(run.decoder, run.upper), precision)
    write_bytes(output / "best.safetensors", save(weights))
    upper = OWN if run.upper else None
    config = replace(
        config, encoder=replace(config.encoder, upper=upper), search=search or config.search
    )
    write_bytes(output / "run.json", msgspec.json.format(msgspec.json.encode(config)))
    old, new = signed(run), signed(Run.load(output))
    for calibration in confidence.read(folder):
        of, _, how = calibration.signature.partition("|search:")
        if of == old:
            confidence.keep(output, replace(calibration, signature=f"{new}|search:{how}"))
    known = familiar.read(folder)
    if known and known.signature == run.config.encoder.signature:
        encoder = Run.load(output).config.encoder
        familiar.keep(output, replace(known, signature=encoder.signature))


@dataclass(frozen=True, kw_only=True)
class Moved:
    """How far a model's captions are from its run's.

    Attributes:
        pictures: how many were captioned.
        same: how many of them both say the same of.
        words: of the run's captions, their ends too.
        mean, most: by how much the log-probabilities of these words move, in nats.
    """

    pictures: int
    same: int
    words: int
    mean: float
    most: float


def moved(
    run: Captioner, model: Captioner, pictures: Sequence[Path], search: SearchConfig
) -> Moved:
    """Caption pictures by a run and by its model, and compare.

    Raises:
        PictureError: one of them cannot be opened.
    """
    same, parts = 0, []
    for start in range(0, len(pictures), BATCH_PICTURES):
        looks = [of.look(pictures[start : start + BATCH_PICTURES]) for of in (run, model)]
        told = run.caption_regions(looks[0], config=search)
        again = model.caption_regions(looks[1], config=search)
        same += sum(a.text == b.text for a, b in zip(told, again, strict=True))
        ids = [run.run.vocabulary.encode(caption.words)[1:-1] for caption in told]
        first, second = (
            _log_probs(of, at, ids) for of, at in zip((run, model), looks, strict=True)
        )
        parts.append((first - second).abs())
    far = torch.cat(parts)
    return Moved(
        pictures=len(pictures),
        same=same,
        words=len(far),
        mean=far.mean().item(),
        most=far.max().item(),
    )


@torch.inference_mode()
def _log_probs(
    captioner: Captioner, regions: Float[Tensor, "P R D"], captions: Sequence[Sequence[int]]
) -> Float[Tensor, " N"]:
    """Return the log-probability of each word of given captions, and of their ends, by step."""
    found = []
    places = torch.arange(len(captions))
    for t, (rows, step) in enumerate(forced(captioner.run.decoder, regions, captions, places)):
        said = torch.tensor([[*captions[row], END][t] for row in rows.tolist()])
        found.append(step.log_probs.float().gather(1, said[:, None])[:, 0])
    return torch.cat(found)
