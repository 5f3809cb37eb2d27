"""What a person sees of a training: the terminal's line, the run folder's curves and captions."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from tushuo.cli.progress import Bar
from tushuo.decoders.base import Decoder
from tushuo.runtime import write_bytes
from tushuo.search.config import SearchConfig
from tushuo.training.checkpoint import EpochRow
from tushuo.training.curves import SAME_CAPTION_SHARE, sameness, write_csv, write_tensorboard
from tushuo.training.loop import Callbacks, StepReport
from tushuo.training.loss_curve import draw_loss_curve
from tushuo.training.validation import Validator

WATCHED_PICTURES = 64
SHOWN_CAPTIONS = 3


def watch(validator: Validator, config: SearchConfig, output: Path, bar: Bar) -> Callbacks:
    """Tie a training to the terminal, to Ctrl-C and to its run folder."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda *_: stop.set())

    def epoch(decoder: Decoder, rows: list[EpochRow]) -> None:
        said = validator.say(decoder, config, most=WATCHED_PICTURES)
        _write(rows, said, output)
        _tell(rows[-1], said, validator, bar.say)

    return Callbacks(
        step=lambda now: _show(now, bar), epoch=epoch, validate=validator.cider, stop=stop.is_set
    )


def _show(now: StepReport, bar: Bar) -> None:
    """Show a step."""
    words = (
        f"epoch {now.epoch}/{now.epochs}  {now.what} {now.value:.3f}  "
        f"{now.captions_per_second:.0f} captions/s"
    )
    bar((now.epoch - 1) * now.steps + now.step, now.epochs * now.steps, words)


def _write(rows: list[EpochRow], said: dict[int | str, str], output: Path) -> None:
    """Write the curves and what is said of the watched pictures."""
    write_csv(output / "log.csv", rows)
    write_tensorboard(output / "tensorboard", rows[-1])
    draw_loss_curve(rows, output / "loss.png")
    told = [{"image": name, "caption": caption} for name, caption in said.items()]
    path = output / "samples" / f"epoch_{rows[-1].epoch:03d}.json"
    write_bytes(path, msgspec.json.encode(told))


def _tell(
    now: EpochRow, said: dict[int | str, str], validator: Validator, say: Callable[[str], None]
) -> None:
    """Say how the epoch went, and warn when all pictures get one sentence."""
    learned = (
        f"training loss {now.train_loss:.3f}"
        if now.train_loss is not None
        else f"reward {now.reward:.3f}"
    )
    cider = "" if now.val_cider is None else f", CIDEr {now.val_cider:.4f}"
    say(
        f"epoch {now.epoch}: {learned}, validation loss {now.val_loss:.3f}{cider}, "
        f"{now.seconds:.0f} s"
    )
    diagnostics = validator.diagnostics(said)
    say(
        f"  different captions: {len(set(said.values()))} of {len(said)}, different words: "
        f"{diagnostics.vocabulary}; {diagnostics.unfinished:.0%} end in a function word"
    )
    for name, caption in list(said.items())[:SHOWN_CAPTIONS]:
        say(f"  {name}: {caption}")
    caption, share = sameness(list(said.values()))
    if len(said) > 1 and share > SAME_CAPTION_SHARE:
        say(f"warning: {share:.0%} of the watched pictures get the same caption: {caption!r}")
