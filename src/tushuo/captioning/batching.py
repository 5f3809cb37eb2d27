"""The one loop that captions many pictures in batches."""

from collections.abc import Callable, Iterable, Iterator
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
    """Caption any number of pictures; memory does not grow with their number.

    Args:
        captioner: any captioner.
        items: anything that has a picture each, such as paths or records.
        picture_of: returns an item's picture; called when its batch is due. A ``PictureError`` that
            it raises becomes the item's result.
        config: search; None: the captioner's default.
        batch_pictures: pictures captioned at once, at least 1.
        progress: called after each batch with the pictures done and ``total``.
        total: number of items, for ``progress``; 0 where it is unknown.
        stop: called before each picture is read, and by the captioner; True cancels.

    Returns:
        An iterator over the items in order, each with its caption or its error. It raises a
        ``StoppedError`` once ``stop`` returns True.

    Raises:
        SettingError: ``batch_pictures`` is below 1.
    """
    if batch_pictures < 1:
        raise SettingError(f"batch_pictures was {batch_pictures}, but must be at least 1")

    def results() -> Iterator[tuple[Item, Caption | PictureError]]:
        remaining, done = iter(items), 0
        while batch := list(islice(remaining, batch_pictures)):
            pictures = [_picture_or_error(item, picture_of, stop) for item in batch]
            opened = [picture for picture in pictures if not isinstance(picture, PictureError)]
            captions = iter(captioner.caption_batch(opened, config=config, stop=stop))
            for item, picture in zip(batch, pictures, strict=True):
                yield item, picture if isinstance(picture, PictureError) else next(captions)
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
