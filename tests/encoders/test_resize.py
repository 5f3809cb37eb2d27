"""Pictures of any proportions become the square that an encoder expects."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from tests.conftest import MeanEncoder
from tests.training.test_train import PLAIN, learn
from tushuo.captioning.native import NativeCaptioner
from tushuo.captioning.picture_regions import PictureRegions
from tushuo.data import Record
from tushuo.encoders.resize import MAX_ASPECT_RATIO, resize
from tushuo.features.extract import extract
from tushuo.features.regions import Regions
from tushuo.pictures.opening import open_picture
from tushuo.runs.run import Run
from tushuo.training.loop import Callbacks

CROP = replace(MeanEncoder.spec, resize="crop", resize_side=64)
FILTERS = ["bilinear", "antialias", "bicubic"]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def untrimmed(picture: np.ndarray, spec: object, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    with monkeypatch.context() as patched:
        patched.setattr("tushuo.encoders.resize.MAX_ASPECT_RATIO", 10**6)
        return resize(picture, spec)  # type: ignore[arg-type]


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize("size", [(48, 64), (90, 300), (333, 50), (20, 160), (40, 320)])
def test_trimming_leaves_usual_pictures_as_they_are(
    size: tuple[int, int], filter_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, spec = noise(*size), replace(CROP, filter=filter_name)
    assert resize(picture, spec).equal(untrimmed(picture, spec, monkeypatch))


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize("size", [(32, 1024), (1024, 32), (128, 2048), (2048, 128)])
def test_a_long_picture_keeps_its_central_square(
    size: tuple[int, int], filter_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert max(size) > MAX_ASPECT_RATIO * min(size)
    picture, spec = noise(*size), replace(CROP, filter=filter_name)
    difference = resize(picture, spec).int() - untrimmed(picture, spec, monkeypatch).int()
    assert difference.abs().max() <= 1


@pytest.mark.parametrize("size", [(1, 10_000_000), (10_000_000, 1)])
def test_the_intermediate_picture_is_small(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []

    def recorded(pixels: Tensor, size: tuple[int, int], **options: object) -> Tensor:
        sizes.append(size)
        return interpolate(pixels, size, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("tushuo.encoders.resize.interpolate", recorded)
    grey = np.full((*size, 3), 77, np.uint8)
    assert resize(grey, CROP).eq(77).all()
    assert sorted(sizes[0]) == [64, 512]


def test_squashing_reads_the_whole_picture() -> None:
    picture = np.zeros((2, 64, 3), np.uint8)
    picture[:, :2] = 255  # at the end of a picture that cropping would trim
    assert resize(picture, MeanEncoder.spec).max() > 0
    assert resize(picture, CROP).max() == 0


class CroppingEncoder(MeanEncoder):
    spec = CROP


def test_large_jpegs_are_decoded_as_large_as_the_short_side_before_the_crop(
    records: list[Record], tmp_path: Path
) -> None:
    path = tmp_path / "large.jpg"
    Image.fromarray(noise(512, 512)).save(path, quality=95)
    pixels = open_picture(path, at_least=64)
    assert pixels.shape == (64, 64, 3)  # decoded at an eighth, and not enlarged afterwards
    encoder = CroppingEncoder()
    expected = encoder(resize(pixels, CROP)[None])
    large = [Record(image_id=1, path=path, captions=("a dog",), split="train")]
    assert Regions.on_the_fly(encoder, large).read([0]).equal(expected)
    extract(large, encoder, tmp_path / "store")
    assert Regions.from_store(tmp_path / "store").read([0]).half().equal(expected.half())
    regions = Regions.on_the_fly(encoder, records)
    learn(records, regions, tmp_path / "run", Callbacks(), replace(PLAIN, epochs=1))
    (encoded,) = NativeCaptioner(Run.load(tmp_path / "run"), encoder).encode([path])
    assert isinstance(encoded, PictureRegions)
    assert encoded.regions.equal(expected[0])
