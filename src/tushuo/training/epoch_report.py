"""After each epoch: files of the run folder that show its progress, and messages about it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from tushuo.decoders.base import Decoder
from tushuo.runtime import write_bytes
from tushuo.search.config import SearchConfig
from tushuo.training.checkpoint import EpochRow
from tushuo.training.curves import most_frequent, write_csv, write_tensorboard
from tushuo.training.loop import Callbacks
from tushuo.training.loss_curve import draw_loss_curve
from tushuo.training.validation import Validator

SAMPLED_PICTURES = 64  # validation pictures that are captioned for samples/
SHOWN_CAPTIONS = 3
SAME_CAPTION_SHARE = 0.5  # above this, the decoder hardly distinguishes the pictures


def with_epoch_report(
    callbacks: Callbacks, validator: Validator, search: SearchConfig, folder: Path
) -> Callbacks:
    """Add to callbacks that each epoch is recorded in the run folder and described in messages.

    Args:
        callbacks: the caller's; their ``epoch`` is called afterwards.
        validator: captions the validation pictures.
        search: how they are captioned.
        folder: the run folder.
    """

    def epoch(decoder: Decoder, rows: list[EpochRow]) -> None:
        captions = validator.caption(decoder, search, limit=SAMPLED_PICTURES)
        _write_files(rows, captions, folder)
        for line in _describe(rows[-1], captions, validator):
            callbacks.message(line)
        callbacks.epoch(decoder, rows)

    return replace(callbacks, epoch=epoch, validate=callbacks.validate or validator.cider)


def _write_files(rows: list[EpochRow], captions: Mapping[int | str, str], folder: Path) -> None:
    """Write the curves and the captions of the sampled pictures."""
    write_csv(folder / "log.csv", rows)
    write_tensorboard(folder / "tensorboard", rows[-1])
    draw_loss_curve(rows, folder / "loss.png")
    samples = [{"image": image_id, "caption": caption} for image_id, caption in captions.items()]
    path = folder / "samples" / f"epoch_{rows[-1].epoch:03d}.json"
    write_bytes(path, msgspec.json.encode(samples))


def _describe(
    row: EpochRow, captions: Mapping[int | str, str], validator: Validator
) -> Iterator[str]:
    """Yield the losses, a few captions, and a warning if most pictures get the same caption."""
    objective = (
        f"training loss {row.train_loss:.3f}"
        if row.train_loss is not None
        else f"reward {row.reward:.3f}"
    )
    cider = "" if row.val_cider is None else f", CIDEr {row.val_cider:.4f}"
    yield (
        f"epoch {row.epoch}: {objective}, validation loss {row.val_loss:.3f}{cider}, "
        f"{row.seconds:.0f} s"
    )
    texts = list(captions.values())
    diagnostics = validator.diagnostics(captions)
    yield (
        f"  different captions: {len(set(texts))} of {len(texts)}, different words: "
        f"{diagnostics.vocabulary}; {diagnostics.unfinished:.0%} end in a function word"
    )
    for image_id, caption in list(captions.items())[:SHOWN_CAPTIONS]:
        yield f"  {image_id}: {caption}"
    caption, share = most_frequent(texts)
    if len(texts) > 1 and share > SAME_CAPTION_SHARE:
        yield f"warning: {share:.0%} of {len(texts)} pictures get the same caption: {caption!r}"
