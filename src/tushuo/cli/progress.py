"""Progress on stderr: a bar on a terminal, elsewhere a line every few seconds.

Under torchrun, only the first process shows progress.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from tushuo.runtime import format_bytes, processes

BARS_FROM = 80  # characters of a terminal
LINE_EVERY_SECONDS = 10.0
SMALL_BYTES = 10_000_000


class Bar:
    """A progress bar with a short description.

    Args:
        title: what is done.
        passing: whether it disappears at the end.
    """

    def __init__(self, title: str, *, passing: bool = False):
        self._title, self._passing = title, passing
        self._console = Console(stderr=True, quiet=processes()[0] != 0)
        self._live: Progress | None = None
        self._task = TaskID(0)
        self._began = self._written = time.monotonic()
        self._first: int | None = None
        self._last = ""

    def __enter__(self) -> "Bar":
        if self._console.is_terminal:
            # in a narrow terminal the words are wrapped and the bar is left out: no number is cut
            self._live = Progress(
                TextColumn(self._title),
                *([BarColumn()] if self._console.width >= BARS_FROM else []),
                MofNCompleteColumn(table_column=Column(no_wrap=True)),
                TimeRemainingColumn(table_column=Column(no_wrap=True)),
                TextColumn("{task.fields[words]}", table_column=Column(overflow="fold")),
                console=self._console,
                transient=self._passing,
                # results on the same terminal are printed above the bar, others as they are
                redirect_stdout=sys.stdout.isatty(),
            )
            self._task = self._live.add_task(self._title, total=None, words="")
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, done: int, total: int, words: str = "") -> None:
        """Show the work done."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._began = done, now
        if self._live:
            self._live.update(self._task, completed=done, total=total, words=words)
        elif now - self._written > LINE_EVERY_SECONDS or done == total:
            self._written = now
            pace = (done - self._first) / max(now - self._began, 1e-9)
            left = f", {(total - done) / pace:.0f} s left" if pace > 0 and done < total else ""
            line = " ".join(filter(None, (f"{self._title} {done}/{total}", words))) + left
            if line != self._last:  # the last step is often reported twice
                self.write(line)
            self._last = line

    def restart(self) -> None:
        """Restart the estimate of the remaining time."""
        self._began, self._first = time.monotonic(), None

    def bytes(self, what: str) -> Callable[[int, int], None]:
        """Return a callback that shows a download in MB, a small one in kB, with its rate."""
        began, first = time.monotonic(), -1
        self.restart()

        def show(done: int, total: int) -> None:
            nonlocal first
            first = done if first < 0 else first
            rate = format_bytes((done - first) / max(time.monotonic() - began, 1e-9))
            size, unit = (1000, "kB") if 0 < total < SMALL_BYTES else (1_000_000, "MB")
            self(done // size, total // size, f"{unit}  {what}, {rate}/s")

        return show

    def write(self, line: str) -> None:
        """Print one line above the bar."""
        if self._live:
            self._live.console.print(line, markup=False, highlight=False)
        else:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_of(
    title: str, items: Sized, batch: int
) -> Iterator[Callable[[int, int], None] | None]:
    """Show progress and the time left on a terminal, where there is more than one batch."""
    if not sys.stderr.isatty() or len(items) <= batch:
        yield None
        return
    with Bar(title, passing=True) as bar:
        bar(0, len(items))
        yield bar
