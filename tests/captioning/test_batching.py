"""The batching loop keeps order, batches and errors, for any captioner."""

from collections.abc import Iterator, Sequence

import pytest

from tushuo.captioning.batching import caption_all
from tushuo.captioning.caption import Caption, Explanation, PartialCaption
from tushuo.captioning.captioner import Captioner, CaptionerInfo, Stop, require_language
from tushuo.errors import PictureError, SettingError, StoppedError
from tushuo.pictures.pixels import Picture
from tushuo.search.config import SearchConfig


class Echo:
    """A captioner of another kind: it repeats a picture's bytes, and cannot open empty ones."""

    info = CaptionerInfo(
        name="echo", language="en", weights="0", search=SearchConfig(), device="cpu",
        has_attention=False, has_confidence=False, has_familiarity=False,
    )  # fmt: skip

    def __init__(self) -> None:
        self.batches: list[int] = []

    def caption(
        self, picture: Picture, *, config: SearchConfig | None = None, stop: Stop | None = None
    ) -> Caption:
        (caption,) = self.caption_batch([picture])
        if isinstance(caption, PictureError):
            raise caption
        return caption

    def caption_batch(
        self,
        pictures: Sequence[Picture],
        *,
        config: SearchConfig | None = None,
        stop: Stop | None = None,
    ) -> list[Caption | PictureError]:
        self.batches.append(len(pictures))
        texts = [bytes(picture).decode() for picture in pictures]  # type: ignore[arg-type]
        return [Caption(text=t, words=(t,)) if t else PictureError("it is empty") for t in texts]

    def stream(
        self, picture: Picture, *, config: SearchConfig | None = None
    ) -> Iterator[PartialCaption | Caption]:
        yield self.caption(picture)

    def explain(
        self, picture: Picture, *, config: SearchConfig | None = None, top_words: int = 5
    ) -> Explanation:
        return Explanation(caption=self.caption(picture), steps=())

    def signature(self, config: SearchConfig | None = None) -> str:
        return "run:echo|weights:0|search:none"

    def require_confidence(self, config: SearchConfig | None = None) -> None:
        raise SettingError("echo has no confidence")


def picture_of(number: int) -> bytes:
    if number % 5 == 4:
        raise PictureError(f"{number} cannot be fetched")
    return b"" if number % 5 == 3 else str(number).encode()


def test_another_captioner_follows_the_protocol() -> None:
    assert isinstance(Echo(), Captioner)
    with pytest.raises(SettingError, match="echo captions in English, but Chinese was requested"):
        require_language(Echo(), "zh")


@pytest.mark.parametrize("batch_pictures", [1, 3, 7, 100])
def test_every_item_gets_its_own_result_in_order(batch_pictures: int) -> None:
    captioner, progress = Echo(), []
    results = list(
        caption_all(
            captioner,
            iter(range(23)),
            picture_of,
            batch_pictures=batch_pictures,
            progress=lambda done, total: progress.append((done, total)),
            total=23,
        )
    )
    assert [item for item, _ in results] == list(range(23))
    for number, result in results:
        if number % 5 == 4:
            assert str(result) == f"{number} cannot be fetched"
        elif number % 5 == 3:
            assert str(result) == "it is empty"
        else:
            assert isinstance(result, Caption)
            assert result.text == str(number)
    assert progress[-1] == (23, 23)
    assert max(captioner.batches) <= batch_pictures


def test_items_are_consumed_batch_by_batch() -> None:
    consumed = []

    def items() -> Iterator[int]:
        for number in range(10):
            consumed.append(number)
            yield number

    results = caption_all(Echo(), items(), picture_of, batch_pictures=2)
    next(results)
    assert consumed == [0, 1]


@pytest.mark.parametrize("batch_pictures", [0, -1])
def test_an_empty_batch_is_refused_at_once(batch_pictures: int) -> None:
    with pytest.raises(SettingError, match=f"was {batch_pictures}, but must be at least 1"):
        caption_all(Echo(), [1], picture_of, batch_pictures=batch_pictures)


def test_stop_cancels_while_pictures_are_read() -> None:
    captioner, read = Echo(), []

    def read_picture(number: int) -> bytes:
        read.append(number)
        return str(number).encode()

    results = caption_all(
        captioner, range(9), read_picture, batch_pictures=3, stop=lambda: len(read) == 5
    )
    assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(StoppedError, match="cancelled by its caller"):
        next(results)
    assert read == [0, 1, 2, 3, 4]
    assert captioner.batches == [3]
