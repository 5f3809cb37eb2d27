"""A server on this machine that sends its answer a few bytes at a time."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class SlowServer:
    """Answers every request with ``content``.

    Attributes:
        content: what it sends as the body.
        head: bytes of the head and of the body that are sent at once, before the slow ones.
        pause, step: seconds between the parts after them, and bytes of each.
        has_length: whether its answer states its length.
        requests: number of requests so far.
    """

    def __init__(self, content: bytes):
        self.content, self.head, self.has_length = content, 10_000_000, True
        self.pause, self.step = 0.0, 1
        self.requests = 0
        self.socket = socket.create_server(("127.0.0.1", 0))

    @property
    def address(self) -> str:
        """Address of its picture."""
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}/a.jpg"

    def serve(self) -> None:
        """Answer until the server is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.requests += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        length = f"Content-Length: {len(self.content)}\r\n" if self.has_length else ""
        answer = f"HTTP/1.1 200 OK\r\nConnection: close\r\n{length}\r\n".encode() + self.content
        with connection, suppress(OSError):  # the client has left
            connection.recv(10_000)
            connection.sendall(answer[: self.head])
            for place in range(self.head, len(answer), self.step):
                connection.sendall(answer[place : place + self.step])
                time.sleep(self.pause)


@contextmanager
def slow_server(content: bytes) -> Iterator[SlowServer]:
    """Run a server, which is fast until it is made slow."""
    server = SlowServer(content)
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        yield server
    finally:
        server.socket.close()
