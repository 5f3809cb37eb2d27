"""End a request that makes too little progress, whatever its server sends.

The timeouts of httpx are for each read, so a server that sends a byte every few seconds, even of
the headers, would be waited for without end.
"""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, final

import httpx


class TooSlow(httpx.ReadTimeout):
    """A request was ended because it made too little progress."""


@final
class Pace:
    """Watches a request and shuts its connection down if it is too slow.

    Args:
        seconds: length of a period.
        least: bytes that each period must bring; None: the request must end within the first.

    Attributes:
        received: bytes received so far, counted by the reader; only read where ``least`` is given.
    """

    def __init__(self, seconds: float, least: int | None = None):
        self.received = 0
        self._seconds, self._least = seconds, least
        self._sockets: list[socket.socket] = []
        self._ended, self._done = False, threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Pace":
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._watcher.join()
        for connection in self._sockets:
            connection.close()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Note each new connection of the request: httpx's request extension ``trace``."""
        if event.endswith("connect_tcp.complete"):
            # a duplicate, since TLS takes the original over
            self._sockets.append(info["return_value"].get_extra_info("socket").dup())
            if self._ended:
                self._shut_down()

    def raise_if_ended(self, error: Exception | None = None) -> None:
        """Raise a `TooSlow` from an error if the request was ended."""
        if self._ended:
            seconds = f"{self._seconds:g} seconds"
            if self._least is None:
                raise TooSlow(f"it was not complete after {seconds}") from error
            raise TooSlow(f"fewer than {self._least} bytes came in {seconds}") from error

    def _watch(self) -> None:
        before = 0
        while not self._done.wait(self._seconds):
            if self._least is None or self.received - before < self._least:
                self._ended = True
                self._shut_down()
                return
            before = self.received

    def _shut_down(self) -> None:
        """Wake the thread that reads; it finds the end of the connection."""
        for connection in self._sockets:
            with suppress(OSError):  # it is closed already
                connection.shutdown(socket.SHUT_RDWR)
