"""Read the bodies of requests: no longer than allowed, and not too slowly."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import final

from starlette.requests import ClientDisconnect, Request

from tushuo.serve.limits import Limits
from tushuo.serve.problems import Problem

DISCARD_SECONDS = 1.0  # a client that still sends reads no answer; it gets this long to end


@final
class Held:
    """A share of the memory for bodies, which grows while a body is read.

    Attributes:
        bytes: the bytes of this request.
    """

    def __init__(self, intake: "Intake"):
        self._intake, self.bytes = intake, 0

    def add(self, count: int) -> None:
        """Take more bytes.

        Raises:
            Problem: all requests together hold too many.
        """
        if self._intake.held + count > self._intake.limits.max_held:
            raise Problem(
                "queue-full",
                f"requests that are read or wait hold {self._intake.held} bytes already; try again "
                "after the seconds in Retry-After",
                headers={"Retry-After": "1"},
            )
        self.bytes += count
        self._intake.held += count


@final
class Intake:
    """Reads bodies, and counts the bytes of all that are in memory.

    Args:
        limits: the limits of the service.

    Attributes:
        held: bytes of all requests that are being read or wait.
    """

    def __init__(self, limits: Limits):
        self.limits, self.held = limits, 0

    @contextmanager
    def hold(self) -> Iterator[Held]:
        """Count the bytes of a request until it is answered."""
        held = Held(self)
        try:
            yield held
        finally:
            self.held -= held.bytes

    async def read(self, request: Request, held: Held) -> bytes:
        """Read a body.

        Raises:
            Problem: it is too long or too slow, or there is no memory for it.
            ClientDisconnect: the client has left.
        """
        limit, seconds = self.limits.max_bytes, self.limits.upload
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            raise _too_large(f"{int(length)} bytes", limit)
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                async for part in request.stream():
                    if len(body) + len(part) > limit:
                        raise _too_large("more", limit)
                    held.add(len(part))
                    body += part
        except TimeoutError:
            raise Problem(
                "upload-too-slow",
                f"the body did not arrive within {seconds:g} seconds; send a smaller picture",
            ) from None
        return bytes(body)

    async def discard(self, request: Request) -> None:
        """Read the rest of a body that is refused, so that its client gets to reading the answer.

        A body that is far too long, or too slow, is left unread; its connection is closed. So is
        one whose client asks before it sends it.
        """
        if "expect" in request.headers:
            return
        rest = 2 * self.limits.max_bytes
        with suppress(TimeoutError, ClientDisconnect, RuntimeError):
            async with asyncio.timeout(DISCARD_SECONDS):
                async for part in request.stream():
                    rest -= len(part)
                    if rest < 0:
                        return


def _too_large(given: str, limit: int) -> Problem:
    return Problem(
        "body-too-large",
        f"the body has {given}, but at most {limit} bytes are accepted; send a smaller picture, or "
        "fewer",
    )
