"""The service behind its routes: a captioner, its queue, and the checks of each picture."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, TypeVar, final

from PIL import Image
from starlette.requests import Request

from tushuo.captioning.caption import Caption
from tushuo.captioning.captioner import Captioner
from tushuo.errors import PictureError, TushuoError
from tushuo.pictures.formats import FORMATS, describe_other, recognise
from tushuo.pictures.opening import picture_size
from tushuo.search.config import SearchConfig
from tushuo.serve.access import Access
from tushuo.serve.batcher import Batcher, QueueFullError
from tushuo.serve.intake import Intake
from tushuo.serve.limits import Limits
from tushuo.serve.metrics import Metrics
from tushuo.serve.options import RequestOptions
from tushuo.serve.problems import Problem, busy

log = logging.getLogger("tushuo.serve")
State = Literal["starting", "ready", "stopping", "failed"]
Outcome = TypeVar("Outcome")


class ClientLeftError(Exception):
    """The client closed its connection before it was answered."""


@final
class Service:
    """A captioner that many requests share.

    Args:
        load: returns the captioner; called once, in a thread, when the service starts.
        limits: what requests may cost.
        access: who may use it.
        log_requests: whether each request is a line of the log.

    Attributes:
        state: whether it can caption.
        failure: why the captioner could not be loaded.
    """

    def __init__(
        self,
        load: Callable[[], Captioner],
        *,
        limits: Limits | None = None,
        access: Access | None = None,
        log_requests: bool = False,
    ):
        self._load = load
        self.limits, self.access = limits or Limits(), access or Access()
        self.log_requests = log_requests
        self.metrics, self.intake = Metrics(), Intake(self.limits)
        self.state: State = "starting"
        self.failure: Exception | None = None
        self._captioner: Captioner | None = None
        self._batcher: Batcher | None = None
        watch = self.metrics.watch
        watch("queue_pictures", "Pictures that wait.", lambda: self.waiting)
        watch("running_pictures", "Pictures that the model works on.", lambda: self.running)
        watch("held_bytes", "Bytes of requests in memory.", lambda: self.intake.held)
        watch("ready", "1 if it can caption.", lambda: self.state == "ready")

    @property
    def waiting(self) -> int:
        """Pictures in the queue."""
        return self._batcher.waiting if self._batcher else 0

    @property
    def running(self) -> int:
        """Pictures that the model works on."""
        return self._batcher.running if self._batcher else 0

    @property
    def captioner(self) -> Captioner:
        """The captioner.

        Raises:
            Problem: it is not loaded yet.
        """
        if self._captioner is None:
            raise Problem(
                "not-ready",
                "the model is still being loaded; try again after the seconds in Retry-After",
                headers={"Retry-After": "2"},
            )
        return self._captioner

    @property
    def model_id(self) -> str:
        """Name of the model, without the folders that it is in."""
        return Path(self.captioner.info.name).name

    async def start(self) -> None:
        """Load the captioner, and caption a picture with it so that the first request is fast."""
        try:
            captioner = await asyncio.to_thread(_loaded, self._load)
        except Exception as error:
            self.failure, self.state = error, "failed"
            return
        self._batcher = Batcher(
            captioner.caption_batch,
            batch_pictures=self.limits.batch,
            queue_pictures=self.limits.queue,
            on_batch=self.metrics.on_batch,
        )
        self._captioner = captioner
        self.metrics.on_model(captioner.info, self.model_id)
        if self.state == "starting":
            self.state = "ready"

    def stop(self) -> None:
        """Accept no more pictures; what was accepted is captioned."""
        self.state = "stopping"

    def close(self) -> None:
        """End the model's thread."""
        if self._batcher:
            self._batcher.close()

    def require_room(self) -> None:
        """Refuse a request before its body is read, where it could not be captioned.

        Raises:
            Problem: the service starts or stops, or its queue is full.
        """
        if self.state == "stopping":
            raise Problem(
                "stopping",
                "the service is being stopped; try again after the seconds in Retry-After",
                headers={"Retry-After": "10", "Connection": "close"},
            )
        assert self.captioner
        assert self._batcher
        try:
            self._batcher.require_room(1, seconds=self.limits.deadline)
        except QueueFullError as error:
            raise busy(error.seconds, error.waiting) from None

    async def require_confidence(self, options: RequestOptions) -> None:
        """Refuse a search whose captions have no confidence, where one is requested.

        Raises:
            Problem: the captioner is not calibrated for it.
        """
        if not options.reply.needs_confidence:
            return
        try:
            await asyncio.to_thread(self.captioner.require_confidence, options.search)
        except TushuoError as error:
            raise Problem("invalid-option", str(error)) from None

    async def caption(
        self, pictures: Sequence[bytes], search: SearchConfig, *, seconds: float
    ) -> list[Caption | Problem]:
        """Caption the pictures of a request.

        Returns:
            A caption, or why there is none, for each picture, in order.

        Raises:
            Problem: the queue is full, or the captions take too long.
        """
        checked = await asyncio.to_thread(_check_all, pictures, self.limits.max_pixels)
        accepted = [one for one in checked if not isinstance(one, Problem)]
        assert self._batcher
        try:
            results = iter(await self._batcher.submit(accepted, config=search, seconds=seconds))
        except QueueFullError as error:
            raise busy(error.seconds, error.waiting) from None
        except TimeoutError:
            raise Problem(
                "deadline",
                f"the captions were not ready within {seconds:g} seconds; send fewer pictures, or "
                "try again later",
            ) from None
        answers = [one if isinstance(one, Problem) else _answer(next(results)) for one in checked]
        self.metrics.pictures.inc(sum(isinstance(one, Caption) for one in answers))
        return answers


async def unless_client_leaves(request: Request, work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Await work for a request whose body has been read; cancel it when the client leaves.

    Raises:
        ClientLeftError: the client has left.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientLeftError
        return task.result()
    finally:
        gone.cancel()
        task.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _loaded(load: Callable[[], Captioner]) -> Captioner:
    captioner = load()
    picture = BytesIO()
    Image.new("RGB", (64, 64), (90, 120, 60)).save(picture, "PNG")
    captioner.caption_batch([picture.getvalue()])
    captioner.signature()  # which hashes the weights, once
    return captioner


def _check_all(pictures: Sequence[bytes], max_pixels: int) -> list[bytes | Problem]:
    return [_check(picture, max_pixels) for picture in pictures]


def _check(picture: bytes, max_pixels: int) -> bytes | Problem:
    """Return the picture, or why it is not decoded: its format, or the size in its header."""
    if recognise(picture) is None:
        unknown = f"is in no format that is read; send one of {', '.join(FORMATS)}"
        return Problem("unsupported-format", f"the picture {describe_other(picture) or unknown}")
    try:
        size = picture_size(picture)
    except PictureError as error:
        return Problem("too-many-pixels", str(error))
    if size is not None and size[0] * size[1] > max_pixels:
        return Problem(
            "too-many-pixels",
            f"the picture has {size[0]} x {size[1]} pixels, but at most {max_pixels} in total are "
            "accepted; make it smaller",
        )
    return picture


def _answer(result: Caption | PictureError | Exception) -> Caption | Problem:
    if isinstance(result, Caption):
        return result
    if isinstance(result, PictureError):
        return Problem("invalid-picture", str(result))
    if isinstance(result, TushuoError):
        return Problem("invalid-option", str(result))
    log.error("the captioner failed", exc_info=result)
    return Problem("internal", "the captioner failed on this picture; the service's log has why")
