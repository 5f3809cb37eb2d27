"""Run the service until it is asked to stop."""

import logging
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from tushuo.errors import SettingError
from tushuo.serve.app import create_app
from tushuo.serve.service import Service

GRACE = 5.0  # seconds to stop, beyond those that an accepted request may take
BACKLOG = 256  # connections that the system accepts before the service does
CHECK = 0.05  # seconds between two looks at the state of a service that starts


def serve(
    service: Service, *, host: str, port: int, on_ready: Callable[[str], None] = lambda url: None
) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those that were accepted.

    Args:
        service: the service.
        host: address to bind.
        port: port to bind; 0 chooses a free one.
        on_ready: called with the address of the service when it can caption.

    Raises:
        SettingError: the address cannot be bound.
        TushuoError: the captioner cannot be loaded.
    """
    bound = _bind(host, port)
    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    logging.getLogger("tushuo.serve").setLevel(logging.INFO)
    warnings.filterwarnings("ignore", message=".* is cut short")  # a client's pictures
    server = make_server(service)
    with _stopping_quietly():
        threading.Thread(
            target=_watch, args=(service, server, _address(bound), on_ready), daemon=True
        ).start()
        server.run(sockets=[bound])
    if service.failure:
        raise service.failure


def make_server(service: Service) -> uvicorn.Server:
    """Return the server of a service, which the caller runs on sockets of its own."""
    limits = service.limits
    logging.getLogger("uvicorn.access").disabled = True  # its lines hold query strings
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=int(limits.upload + limits.deadline + GRACE),
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """A server that lets its service know at once that it is being stopped."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was accepted."""
        self.config.app.state.service.stop()  # type: ignore[union-attr]
        await super().shutdown(sockets)


def _watch(
    service: Service, server: uvicorn.Server, address: str, on_ready: Callable[[str], None]
) -> None:
    """Report when the service is ready; stop the server where it cannot be."""
    started = threading.Event()
    while service.state == "starting" and not server.should_exit:
        started.wait(CHECK)
    if service.state == "ready":
        on_ready(address)
    elif service.state == "failed":
        server.should_exit = True


@contextmanager
def _stopping_quietly() -> Iterator[None]:
    """Let the process end by itself; uvicorn raises the signals again that it has handled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {one: signal.signal(one, lambda *_: None) for one in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":  # there, two servers could share the port
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or error
        raise SettingError(
            f"the service cannot use port {port} of {host}: {reason}; choose another --port or "
            "--host"
        ) from error
    return bound


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
