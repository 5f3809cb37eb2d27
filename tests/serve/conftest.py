"""A captioner whose captions tell pictures apart, and a real server in front of it."""

import base64
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tushuo.captioning.caption import Caption, Explanation, PartialCaption
from tushuo.captioning.captioner import CaptionerInfo, Stop, raise_if_stopped
from tushuo.captioning.evidence import Concept
from tushuo.errors import PictureError, RunError
from tushuo.pictures.pixels import Picture, to_pixels
from tushuo.search.config import SearchConfig
from tushuo.serve.access import Access, allowed_hosts
from tushuo.serve.limits import Limits
from tushuo.serve.server import _bind, make_server
from tushuo.serve.service import Service

SECONDS = 20.0  # that a test may wait for a server
POISON = 0xBADBAD  # the number of a picture on which the captioner fails


def numbered(number: int, side: int = 8, kind: str = "PNG") -> bytes:
    """Draw a picture of one colour, which is its number."""
    content = BytesIO()
    colour = (number >> 16, number >> 8 & 255, number & 255)
    Image.new("RGB", (side, side), colour).save(content, kind)
    return content.getvalue()


def in_base64(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


@dataclass
class NumberCaptioner:
    """Captions a picture with its number; it works while its gate is open.

    Attributes:
        batches: numbers of pictures of the batches so far.
        stopped: batches that were cancelled.
    """

    search: SearchConfig = field(default_factory=SearchConfig)
    seconds: float = 0.0
    batches: list[int] = field(default_factory=list)
    stopped: int = 0
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def info(self) -> CaptionerInfo:
        return CaptionerInfo(
            name="/folders/numbers", language="en", weights="0" * 16, search=self.search,
            device="cpu", has_attention=True, has_confidence=False, has_familiarity=False,
        )  # fmt: skip

    def caption_batch(
        self,
        pictures: Sequence[Picture],
        *,
        config: SearchConfig | None = None,
        stop: Stop | None = None,
    ) -> list[Caption | PictureError]:
        self.batches.append(len(pictures))
        try:
            while not self.gate.wait(0.002):
                raise_if_stopped(stop)
        except Exception:
            self.stopped += 1
            raise
        time.sleep(self.seconds)
        return [self._caption(one, config or self.search) for one in pictures]

    def _caption(self, picture: Picture, config: SearchConfig) -> Caption | PictureError:
        try:
            red, green, blue = map(int, to_pixels(picture)[0, 0])
        except PictureError as error:
            return error
        number = red << 16 | green << 8 | blue
        if number == POISON:
            raise RuntimeError("the captioner fails on this picture")
        words = ("number", str(number), config.search)
        caption = Caption(
            text=" ".join(words),
            words=words,
            log_probs=(-0.5, -1.0, -0.25, -0.125),
            attention=np.full((3, 2, 2), 0.25, np.float32),
            concepts=(Concept(word="number", probability=0.9),),
        )
        others = (Caption(text="another", words=("another",)),) * (config.n_best - 1)
        return Caption(**{**vars(caption), "alternatives": others})

    def caption(
        self, picture: Picture, *, config: SearchConfig | None = None, stop: Stop | None = None
    ) -> Caption:
        (result,) = self.caption_batch([picture], config=config, stop=stop)
        if isinstance(result, PictureError):
            raise result
        return result

    def stream(
        self, picture: Picture, *, config: SearchConfig | None = None
    ) -> Iterator[PartialCaption | Caption]:
        yield self.caption(picture, config=config)

    def explain(
        self, picture: Picture, *, config: SearchConfig | None = None, top_words: int = 5
    ) -> Explanation:
        return Explanation(caption=self.caption(picture, config=config), steps=())

    def signature(self, config: SearchConfig | None = None) -> str:
        return "model:numbers"

    def require_confidence(self, config: SearchConfig | None = None) -> None:
        raise RunError("numbers is not calibrated, so captions have no confidence; calibrate it")


@dataclass
class Running:
    """A server that runs.

    Attributes:
        url: its address.
        service: the service behind it.
        captioner: the captioner behind that.
        client: a client for it.
    """

    url: str
    service: Service
    captioner: NumberCaptioner
    client: httpx.Client

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.002)

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        lines = self.client.get("/metrics").text.splitlines()
        values = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in values)


@contextmanager
def running(
    captioner: Any = None,
    *,
    keys: Sequence[str] = (),
    load: Callable[[], Any] | None = None,
    is_ready: bool = True,
    **limits: Any,
) -> Iterator[Running]:
    """Run a server in a thread, on a free port."""
    captioner = captioner or NumberCaptioner()
    hosts = allowed_hosts("127.0.0.1", more=(), has_keys=bool(keys))
    service = Service(
        load or (lambda: captioner),
        limits=Limits(**limits),
        access=Access(keys=keys, hosts=hosts),
        log_requests=True,
    )
    bound = _bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    server = make_server(service)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        with httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as client:
            own = Running(url, service, captioner, client)
            own.until(lambda: server.started and (service.state != "starting" or not is_ready))
            if isinstance(captioner, NumberCaptioner):
                captioner.batches.clear()
            yield own
    finally:
        if isinstance(captioner, NumberCaptioner):
            captioner.gate.set()
        server.should_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive()


@pytest.fixture(scope="package")
def shared_server() -> Iterator[Running]:
    with running() as own:
        yield own


@pytest.fixture
def server(shared_server: Running) -> Running:
    """A server that many tests share, which leave it as it is."""
    shared_server.captioner.batches.clear()
    return shared_server
