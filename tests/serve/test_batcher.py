"""The queue in front of the model, with a model that works when the test lets it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from tushuo.captioning.caption import Caption
from tushuo.captioning.captioner import Stop, raise_if_stopped
from tushuo.errors import PictureError
from tushuo.search.config import SearchConfig
from tushuo.serve.batcher import Batcher, QueueFullError

GREEDY, BEAM = SearchConfig(), SearchConfig(search="beam")


class Model:
    """Captions a picture with its content; ``bad`` ones have an error, ``poison`` raises one."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.started: list[list[str]] = []
        self.stopped = 0

    def __call__(
        self, pictures: Sequence[bytes], *, config: SearchConfig, stop: Stop
    ) -> list[Caption | PictureError]:
        texts = [one.decode() for one in pictures]
        self.started.append(texts)
        try:
            while not self.gate.wait(0.001):
                raise_if_stopped(stop)
        except Exception:
            self.stopped += 1
            raise
        if "poison" in texts:
            raise MemoryError
        return [
            PictureError("it is bad") if text == "bad" else Caption(text=text, words=(text,))
            for text in texts
        ]


def scenario(
    play: Callable[[Batcher, Model], Awaitable[None]], *, batch: int = 4, queue: int = 8
) -> Model:
    """Play a scenario in an event loop of its own."""
    model = Model()

    async def run() -> None:
        batcher = Batcher(model, batch_pictures=batch, queue_pictures=queue)
        try:
            await asyncio.wait_for(play(batcher, model), 10)
        finally:
            model.gate.set()
            await asyncio.to_thread(batcher.close)

    asyncio.run(run())
    return model


def submit(
    batcher: Batcher, *names: str, config: SearchConfig = GREEDY, seconds: float = 10.0
) -> "asyncio.Task[Any]":
    contents = [name.encode() for name in names]
    return asyncio.ensure_future(batcher.submit(contents, config=config, seconds=seconds))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.001)


def texts(results: Sequence[Any]) -> list[str]:
    return [one.text if isinstance(one, Caption) else type(one).__name__ for one in results]


def test_an_idle_model_starts_at_once_and_batches_form_while_it_is_busy() -> None:
    async def play(batcher: Batcher, model: Model) -> None:
        tasks = [submit(batcher, "a")]
        await until(lambda: model.started == [["a"]])
        tasks += [submit(batcher, name) for name in "bcdefg"]
        await until(lambda: batcher.waiting == 6)
        assert (batcher.running, model.started) == (1, [["a"]])
        model.gate.set()
        assert [texts(one) for one in await asyncio.gather(*tasks)] == [[x] for x in "abcdefg"]
        assert model.started == [["a"], ["b", "c", "d", "e"], ["f", "g"]]
        assert (batcher.waiting, batcher.running) == (0, 0)

    scenario(play)


def test_pictures_of_a_batch_have_the_same_search_and_the_oldest_comes_first() -> None:
    async def play(batcher: Batcher, model: Model) -> None:
        tasks = [submit(batcher, "a")]
        await until(lambda: len(model.started) == 1)
        tasks += [submit(batcher, "b", config=BEAM), submit(batcher, "c"), submit(batcher, "d")]
        tasks += [submit(batcher, "e", config=BEAM)]
        await until(lambda: batcher.waiting == 4)
        model.gate.set()
        await asyncio.gather(*tasks)
        assert model.started == [["a"], ["b", "e"], ["c", "d"]]

    scenario(play)


def test_a_request_larger_than_a_batch_is_captioned_in_order() -> None:
    async def play(batcher: Batcher, model: Model) -> None:
        model.gate.set()
        assert texts(await submit(batcher, *"abcdefg")) == [*"abcdefg"]
        assert model.started == [["a", "b", "c", "d"], ["e", "f", "g"]]

    scenario(play)


def test_a_full_queue_refuses_and_says_how_many_wait() -> None:
    async def play(batcher: Batcher, model: Model) -> None:
        first = submit(batcher, "a")
        await until(lambda: batcher.running == 1)
        second = submit(batcher, "b", "c")
        await until(lambda: batcher.waiting == 2)
        with pytest.raises(QueueFullError) as full:
            await submit(batcher, "d", "e")
        assert full.value.waiting == 2
        third = submit(batcher, "f")
        await until(lambda: batcher.waiting == 3)
        model.gate.set()
        assert [texts(await one) for one in (first, second, third)] == [["a"], ["b", "c"], ["f"]]

    scenario(play, queue=3)


def test_what_would_be_late_is_refused_at_once() -> None:
    async def play(batcher: Batcher, model: Model) -> None:
        slow = submit(batcher, "a")
        await asyncio.sleep(0.5)
        model.gate.set()
        await slow  # one picture took half a second, so that the estimate grows
        model.gate.clear()
        tasks = [submit(batcher, "b"), submit(batcher, "c", seconds=0.3)]
        await until(lambda: batcher.waiting == 1)  # nobody waited, so c was accepted
        with pytest.raises(QueueFullError):
            await submit(batcher, "d", seconds=0.3)
        tasks.append(submit(batcher, "e"))
        model.gate.set()
        assert texts(await tasks[0]) + texts(await tasks[2]) == ["b", "e"]
        await asyncio.gather(*tasks, return_exceptions=True)

    scenario(play)


def test_a_queue_of_one_captions_everything_it_accepts() -> None:
    async def play(batcher: Batcher, model: Model) -> None:
        model.gate.set()
        for name in "abc":
            assert texts(await submit(batcher, name)) == [name]

    scenario(play, batch=1, queue=1)


def test_what_is_cancelled_or_late_leaves_the_queue() -> None:
    async def play(batcher: Batcher, model: Model) -> None:
        first = submit(batcher, "a")
        await until(lambda: batcher.running == 1)
        gone, late, stays = (
            submit(batcher, "b"),
            submit(batcher, "c", seconds=0.05),
            submit(batcher, "d"),
        )
        await until(lambda: batcher.waiting == 3)
        gone.cancel()
        with pytest.raises(TimeoutError):
            await late
        await until(lambda: batcher.waiting == 1)
        model.gate.set()
        assert texts(await first) + texts(await stays) == ["a", "d"]
        assert model.started == [["a"], ["d"]]

    assert scenario(play).stopped == 0


def test_a_running_batch_is_stopped_only_if_nobody_needs_it() -> None:
    async def play(batcher: Batcher, model: Model) -> None:
        first = submit(batcher, "a")
        await until(lambda: batcher.running == 1)
        pair = [submit(batcher, "b"), submit(batcher, "c")]
        await until(lambda: batcher.waiting == 2)
        first.cancel()
        await until(lambda: model.started == [["a"], ["b", "c"]])
        assert model.stopped == 1
        pair[0].cancel()
        await asyncio.sleep(0.05)
        assert model.stopped == 1
        model.gate.set()
        assert texts(await pair[1]) == ["c"]

    assert scenario(play).stopped == 1


def test_one_bad_picture_and_one_that_the_model_fails_on_harm_no_other() -> None:
    async def play(batcher: Batcher, model: Model) -> None:
        tasks = [submit(batcher, "a")]
        await until(lambda: batcher.running == 1)
        tasks += [submit(batcher, name) for name in ("b", "poison", "bad", "c")]
        await until(lambda: batcher.waiting == 4)
        model.gate.set()
        results = [texts(await one) for one in tasks]
        assert results == [["a"], ["b"], ["MemoryError"], ["PictureError"], ["c"]]

    scenario(play)


def test_results_of_the_wrong_number_are_given_to_nobody() -> None:
    def run(pictures: Sequence[bytes], *, config: SearchConfig, stop: Stop) -> list[Any]:
        return [Caption(text="whose?", words=())] * 3

    async def play() -> list[Any]:
        batcher = Batcher(run, batch_pictures=4, queue_pictures=4)
        results = await batcher.submit([b"a", b"b"], config=GREEDY, seconds=5.0)
        batcher.close()
        return results

    assert texts(asyncio.run(play())) == ["ValueError", "ValueError"]


def test_batches_are_reported_with_their_times() -> None:
    reports: list[tuple[list[float], float]] = []

    async def play() -> None:
        model = Model()
        model.gate.set()
        batcher = Batcher(
            model,
            batch_pictures=2,
            queue_pictures=4,
            on_batch=lambda waited, seconds: reports.append((waited, seconds)),
        )
        await batcher.submit([b"a", b"b", b"c"], config=GREEDY, seconds=5.0)
        batcher.close()

    asyncio.run(play())
    assert [len(waited) for waited, _ in reports] == [2, 1]
    assert all(0 <= seconds < 5 for waited, one in reports for seconds in (*waited, one))
