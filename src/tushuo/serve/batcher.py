"""A bounded queue in front of the model; batches form only while it is busy.

An idle model starts at once, with what is there. The pictures that arrive while it works are its
next batch, as far as their searches are equal. The queue belongs to the event loop, the model to
one thread.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

from tushuo.captioning.caption import Caption
from tushuo.captioning.captioner import Stop
from tushuo.errors import PictureError, StoppedError
from tushuo.search.config import SearchConfig

Result = Caption | PictureError | Exception
"""A caption; why the picture has none; or an error of the model for this picture."""

SMOOTHING = 0.2  # weight of the newest batch in the mean of seconds per picture


@runtime_checkable
class RunBatch(Protocol):
    """Captions pictures, as `Captioner.caption_batch` does."""

    def __call__(
        self, pictures: Sequence[bytes], *, config: SearchConfig, stop: Stop
    ) -> Sequence[Caption | PictureError]:
        """Return one result for each picture, in order."""
        ...


class QueueFullError(Exception):
    """The queue has no room for the pictures of a request, or they would be late.

    Args:
        seconds: estimate of when the pictures that wait are captioned.
        waiting: number of these.
    """

    def __init__(self, seconds: float, waiting: int):
        super().__init__(f"{waiting} pictures wait")
        self.seconds, self.waiting = seconds, waiting


@dataclass(eq=False)
class _Job:
    """A picture in the queue.

    Attributes:
        picture: content of its file.
        config: its search.
        result: what the request waits for.
        arrived: when it entered the queue, in seconds of `time.monotonic`.
        abandoned: nobody waits for it; set by the event loop, read by the model's thread.
    """

    picture: bytes
    config: SearchConfig
    result: asyncio.Future[Result]
    arrived: float
    abandoned: bool = False


@final
class Batcher:
    """Captions the pictures of all requests; all methods but `close` belong to the event loop.

    Args:
        run: captions a batch, in the model's thread.
        batch_pictures: pictures of a batch, at most.
        queue_pictures: pictures that may wait; those that the model works on do not count.
        on_batch: called after each batch with the seconds that each of its pictures waited, and
            the seconds that the model took.
    """

    def __init__(
        self,
        run: RunBatch,
        *,
        batch_pictures: int,
        queue_pictures: int,
        on_batch: Callable[[list[float], float], None] = lambda waited, seconds: None,
    ):
        self._run, self._batch, self._room = run, batch_pictures, queue_pictures
        self._on_batch = on_batch
        self._waiting: deque[_Job] = deque()
        self._running: list[_Job] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._seconds, self._is_closed = 0.0, False  # per picture; 0 until the first batch

    @property
    def waiting(self) -> int:
        """Number of pictures in the queue."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Number of pictures that the model works on."""
        return len(self._running)

    def require_room(self, pictures: int, *, seconds: float) -> None:
        """Refuse pictures that would wait too long, or that the queue has no room for.

        Args:
            pictures: their number.
            seconds: how long they may take. Where none waits, they are accepted whatever the
                estimate is.

        Raises:
            QueueFullError: too many pictures wait.
        """
        ahead = len(self._waiting) + len(self._running)
        is_late = self._waiting and (ahead + pictures) * self._seconds > seconds
        if is_late or len(self._waiting) + pictures > self._room:
            raise QueueFullError(len(self._waiting) * self._seconds, len(self._waiting))

    async def submit(
        self, pictures: Sequence[bytes], *, config: SearchConfig, seconds: float
    ) -> list[Result]:
        """Caption the pictures of a request.

        Cancelling it takes them out of the queue, and stops the batch that works on them if no
        other request needs it.

        Args:
            pictures: contents of files.
            config: the search.
            seconds: how long they may take, waiting included.

        Returns:
            One result for each picture, in order.

        Raises:
            QueueFullError: too many pictures wait.
            TimeoutError: they took longer.
        """
        self.require_room(len(pictures), seconds=seconds)
        loop, now = asyncio.get_running_loop(), time.monotonic()
        jobs = [_Job(one, config, loop.create_future(), now) for one in pictures]
        self._waiting.extend(jobs)
        self._start()
        try:
            async with asyncio.timeout(seconds):
                return [await job.result for job in jobs]
        finally:
            for job in jobs:
                job.abandoned = True
            self._waiting = deque(job for job in self._waiting if not job.abandoned)

    def close(self) -> None:
        """Caption nothing more, and wait for the batch that is running; called in any thread."""
        self._is_closed = True
        self._thread.shutdown(cancel_futures=True)

    def _start(self) -> None:
        """Give the model the oldest picture and those behind it that have the same search."""
        if self._is_closed or self._running or not self._waiting:
            return
        config = self._waiting[0].config
        self._running = [job for job in self._waiting if job.config == config][: self._batch]
        self._waiting = deque(job for job in self._waiting if job not in {*self._running})
        started, loop = time.monotonic(), asyncio.get_running_loop()
        waited = [started - job.arrived for job in self._running]
        done = loop.run_in_executor(self._thread, self._caption, self._running)

        def deliver(future: "asyncio.Future[dict[_Job, Result]]") -> None:
            if not future.cancelled():
                self._deliver(future.result(), waited, time.monotonic() - started)

        done.add_done_callback(deliver)

    def _deliver(self, results: dict[_Job, Result], waited: list[float], seconds: float) -> None:
        for job, result in results.items():
            if not job.result.done():
                job.result.set_result(result)
        if results:
            each = seconds / len(results)
            weight = SMOOTHING if self._seconds else 1.0
            self._seconds += weight * (each - self._seconds)
        self._on_batch(waited, seconds)
        self._running = []
        self._start()

    def _caption(self, jobs: list[_Job]) -> dict[_Job, Result]:
        """Caption a batch, in the model's thread; what fails in it is captioned alone."""
        try:
            results = self._run(
                [job.picture for job in jobs],
                config=jobs[0].config,
                stop=lambda: all(job.abandoned for job in jobs),
            )
            return dict(zip(jobs, results, strict=True))
        except StoppedError:
            return {}
        except Exception as error:
            if len(jobs) == 1:
                return {jobs[0]: error}
        return {job: result for one in jobs for job, result in self._caption([one]).items()}
