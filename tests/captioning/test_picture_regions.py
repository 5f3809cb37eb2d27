"""Pictures become regions, or errors in their places."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from tests.conftest import MeanEncoder
from tushuo.captioning.captioner import Stop
from tushuo.captioning.picture_regions import (
    PictureRegions,
    encode_pictures,
    encode_with,
    to_device,
)
from tushuo.errors import PictureError, StoppedError
from tushuo.pictures.pixels import Picture

GREY = np.full((40, 60, 3), 99, np.uint8)
CPU = torch.device("cpu")


def encode(
    pictures: Sequence[Picture | PictureRegions], stop: Stop | None = None
) -> list[PictureRegions | PictureError]:
    encoder = MeanEncoder()
    return encode_pictures(
        encoder.spec,
        encode_with(encoder, CPU),
        pictures,
        encoded_type=PictureRegions,
        stop=stop,
    )


def test_each_picture_has_its_regions_or_its_error() -> None:
    (alone,) = encode([GREY])
    assert isinstance(alone, PictureRegions)
    bad, given, last = encode([b"no", alone, GREY])
    assert isinstance(bad, PictureError)
    assert isinstance(given, PictureRegions)
    assert isinstance(last, PictureRegions)
    torch.testing.assert_close(given.regions, alone.regions, rtol=0, atol=0)
    torch.testing.assert_close(last.regions, alone.regions, rtol=0, atol=0)
    assert encode([]) == []


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_stop_is_called_before_each_picture_and_before_encoding(calls: int) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == calls

    with pytest.raises(StoppedError):
        encode([GREY, GREY], stop=stop)
    assert asked == calls


def test_only_encoded_pictures_move_to_a_device() -> None:
    assert to_device(GREY, torch.device("meta")) is GREY
    moved = to_device(PictureRegions(torch.ones(2, 3)), torch.device("meta"))
    assert isinstance(moved, PictureRegions)
    assert moved.regions.device.type == "meta"
