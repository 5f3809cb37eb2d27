"""A caption that is yielded while it is generated, by a thread that can be cancelled."""

import queue
import threading
from collections.abc import Callable, Generator

from tushuo.captioning.caption import Caption, PartialCaption

Report = Callable[[list[int]], None]
Work = Callable[[Report, Callable[[], bool]], Caption]
"""Generates a caption and reports its tokens after each step, until it is stopped."""


def stream(
    work: Work, partial: Callable[[list[int]], PartialCaption]
) -> Generator[PartialCaption | Caption, None, None]:
    """Yield partial captions whenever their text changes, then the caption.

    Closing the generator stops the work and waits for it.
    """
    written: queue.Queue[list[int] | None] = queue.Queue()
    closed = threading.Event()
    result: list[Caption | Exception] = []

    def run() -> None:
        try:
            result.append(work(written.put, closed.is_set))
        except Exception as error:  # raised again where the caption is awaited
            result.append(error)
        finally:
            written.put(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    previous = ""
    try:
        while (tokens := written.get()) is not None:
            one = partial(tokens)
            if one.text != previous:
                yield one
            previous = one.text
        (caption,) = result
        if isinstance(caption, Exception):
            raise caption
        yield caption
    finally:
        closed.set()
        thread.join()
