"""The one loop that captions or tags many pictures in batches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from tushuo.captioning.caption import Caption
from tushuo.captioning.captioner import Captioner, Stop, raise_if_stopped
from tushuo.errors import PictureError, SettingError
from tushuo.pictures.pixels import Picture
from tushuo.runtime import Progress
from tushuo.search.config import SearchConfig

BATCH_PICTURES = 32

Item = TypeVar("Item")
Result = TypeVar("Result")
RunBatch = Callable[[list[Picture]], Sequence[Result | PictureError]]


def caption_all(
    captioner: Captioner,
    items: Iterable[Item],
    picture_of: Callable[[Item], Picture],
    *,
    config: SearchConfig | None = None,
    batch_pictures: int = BATCH_PICTURES,
    progress: Progress | None = None,
    total: int = 0,
    stop: Stop | None = None,
) -> Iterator[tuple[Item, Caption | PictureError]]:
    """Caption any number of pictures, as `in_batches` does.

    Args:
        captioner: any captioner.
        items: see `in_batches`, as for the other arguments.
        picture_of: returns an item's picture.
        config: search; None: the captioner's default.
        batch_pictures: pictures captioned at once.
        progress: called after each batch.
        total: number of items.
        stop: cancels; the captioner calls it too.
    """

    def run(pictures: list[Picture]) -> list[Caption | PictureError]:
        return captioner.caption_batch(pictures, config=config, stop=stop)

    return in_batches(
        run,
        items,
        picture_of,
        batch_pictures=batch_pictures,
        progress=progress,
        total=total,
        stop=stop,
    )


def in_batches(
    run: RunBatch[Result],
    items: Iterable[Item],
    picture_of: Callable[[Item], Picture],
    *,
    batch_pictures: int = BATCH_PICTURES,
    progress: Progress | None = None,
    total: int = 0,
    stop: Stop | None = None,
) -> Iterator[tuple[Item, Result | PictureError]]:
    """Caption or tag any number of pictures; memory does not grow with their number.

    Args:
        run: pictures in, a result or an error each out, in order.
        items: anything that has a picture each, such as paths or records.
        picture_of: returns an item's picture; called when its batch is due. A ``PictureError`` that
            it raises becomes the item's result.
        batch_pictures: pictures of a batch, at least 1.
        progress: called after each batch with the pictures done and ``total``.
        total: number of items, for ``progress``; 0 where it is unknown.
        stop: called before each picture is read; True cancels.

    Returns:
        An iterator over the items in order, each with its result or its error. It raises a
        ``StoppedError`` once ``stop`` returns True.

    Raises:
        SettingError: ``batch_pictures`` is below 1.
    """
    if batch_pictures < 1:
        raise SettingError(f"batch_pictures was {batch_pictures}, but must be at least 1")

    def results() -> Iterator[tuple[Item, Result | PictureError]]:
        remaining, done = iter(items), 0
        while batch := list(islice(remaining, batch_pictures)):
            pictures = [_picture_or_error(item, picture_of, stop) for item in batch]
            opened = [picture for picture in pictures if not isinstance(picture, PictureError)]
            found = iter(run(opened))
            for item, picture in zip(batch, pictures, strict=True):
                yield item, picture if isinstance(picture, PictureError) else next(found)
            done += len(batch)
            if progress is not None:
                progress(done, total)

    return results()


def _picture_or_error(
    item: Item, picture_of: Callable[[Item], Picture], stop: Stop | None
) -> Picture | PictureError:
    raise_if_stopped(stop)
    try:
        return picture_of(item)
    except PictureError as error:
        return error
