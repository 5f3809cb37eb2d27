"""Show a training on the terminal, and stop it at Ctrl-C."""

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from tushuo.cli.progress import Bar
from tushuo.training.loop import Callbacks, StepReport


class TrainingProgress:
    """Callbacks that show one stage of a training after the other.

    From the first step on, Ctrl-C lets the training save a checkpoint before it ends; it
    interrupts at once before that.
    """

    def __init__(self) -> None:
        self._open_bar, self._stage = ExitStack(), ""
        self._bar = Bar("train")
        self._show: Callable[[int, int], None] = self._bar
        self._stop = threading.Event()
        self._old_handler: Any = None

    def __enter__(self) -> Callbacks:
        return Callbacks(
            progress=self._progress, message=self._message, step=self._step, stop=self._stopped
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open_bar.close()
        if self._old_handler is not None:
            signal.signal(signal.SIGINT, self._old_handler)

    def _enter(self, stage: str) -> None:
        """Close the bar of the stage before and open that of this one."""
        if stage != self._stage:
            self._open_bar.close()
            self._bar = self._open_bar.enter_context(Bar(stage))
            self._show = self._bar.bytes(stage) if stage == "weights" else self._bar
            self._stage = stage

    def _progress(self, stage: str, done: int, total: int) -> None:
        self._enter(stage)
        self._show(done, total)

    def _message(self, line: str) -> None:
        self._enter(self._stage or "train")
        self._bar.write(line)

    def _step(self, report: StepReport) -> None:
        self._enter("train")
        text = (
            f"epoch {report.epoch}/{report.epochs}  {report.objective} {report.value:.3f}  "
            f"{report.captions_per_second:.0f} captions/s"
        )
        done = (report.epoch - 1) * report.steps + report.step
        self._bar(done, report.epochs * report.steps, text)

    def _stopped(self) -> bool:
        """Return whether Ctrl-C was pressed; the first call, before the first step, catches it."""
        if self._old_handler is None and threading.current_thread() is threading.main_thread():
            self._old_handler = signal.signal(signal.SIGINT, lambda *_: self._stop.set())
        return self._stop.is_set()
