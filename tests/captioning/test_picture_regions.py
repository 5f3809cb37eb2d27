"""Pictures become regions, or errors in their places."""

import numpy as np
import pytest
import torch

from tests.conftest import MeanEncoder
from tushuo.captioning.picture_regions import PictureRegions, encode_pictures
from tushuo.errors import PictureError, StoppedError

GREY = np.full((40, 60, 3), 99, np.uint8)
CPU = torch.device("cpu")


def test_each_picture_has_its_regions_or_its_error() -> None:
    (alone,) = encode_pictures(MeanEncoder(), [GREY], device=CPU)
    assert isinstance(alone, PictureRegions)
    bad, given, last = encode_pictures(MeanEncoder(), [b"no", alone, GREY], device=CPU)
    assert isinstance(bad, PictureError)
    assert isinstance(given, PictureRegions)
    assert isinstance(last, PictureRegions)
    torch.testing.assert_close(given.regions, alone.regions, rtol=0, atol=0)
    torch.testing.assert_close(last.regions, alone.regions, rtol=0, atol=0)
    assert encode_pictures(MeanEncoder(), [], device=CPU) == []


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_stop_is_called_before_each_picture_and_before_encoding(calls: int) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == calls

    with pytest.raises(StoppedError):
        encode_pictures(MeanEncoder(), [GREY, GREY], device=CPU, stop=stop)
    assert asked == calls
