"""EfficientNet-Lite: the shape of its grid, and real weights that classify real pictures."""

from pathlib import Path

import pytest
import torch

from tushuo import encoders
from tushuo.encoders.resize import resize
from tushuo.errors import SettingError, WeightsError
from tushuo.pictures.opening import open_picture


@pytest.mark.parametrize("number", [0, 1, 2])
def test_grid_and_batch(number: int) -> None:
    encoder = encoders.load(f"efficientnet_lite{number}")
    spec = encoder.spec
    pictures = torch.randint(0, 255, (2, 3, spec.side, spec.side), dtype=torch.uint8)
    regions = encoder(pictures)
    assert regions.shape == (2, spec.regions, spec.width)
    assert 0 <= regions.min() < regions.max() <= 6
    # some seventy layers, each of which rounds numbers up to 6 by 2 ** -24 of them
    rounding = 4 * 70 * 6 * 2**-24
    torch.testing.assert_close(encoder(pictures[1:]), regions[1:], rtol=0, atol=rounding)


def test_a_larger_side_makes_more_regions_of_the_same_kind(tiny_weights: Path) -> None:
    plain = encoders.load("efficientnet_lite0", weights=tiny_weights)
    larger = encoders.load("efficientnet_lite0@320", weights=tiny_weights)
    assert (larger.spec.side, larger.spec.rows, larger.spec.columns) == (320, 10, 10)
    assert larger.spec.weights == plain.spec.weights
    assert larger.spec.signature != plain.spec.signature
    regions = larger(torch.full((1, 3, 320, 320), 90, dtype=torch.uint8))
    assert regions.shape == (1, 100, larger.spec.width)
    # regions far from the border of a uniform picture are equal, at any side
    middle = plain(torch.full((1, 3, 224, 224), 90, dtype=torch.uint8))[0, 24]
    torch.testing.assert_close(regions[0, 44], middle, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("side", ["0", "-3", "big", "5000", "3.5"])
def test_an_invalid_side_is_refused(side: str) -> None:
    with pytest.raises(SettingError, match="expected the side of its pictures, 64 to 1024 pixels"):
        encoders.load(f"efficientnet_lite2@{side}")


def test_inception_v3_has_one_side() -> None:
    with pytest.raises(SettingError, match="name it inception_v3"):
        encoders.load("inception_v3@350")


def test_the_weights_classify_skis(flickr8k: Path) -> None:
    """The classifier of the same file, applied to the regions, predicts class 795, ski."""
    from tushuo.encoders.efficientnet_lite import _packaged_weights

    encoder = encoders.load("efficientnet_lite2")
    names = ["1022454332_6af2c1449a.jpg", *_with("skis", flickr8k)]
    tensors = torch.load(_packaged_weights("efficientnet_lite2"), weights_only=True)
    pictures = [resize(open_picture(flickr8k / "images" / n), encoder.spec) for n in names]
    scores = encoder(torch.stack(pictures)).mean(1) @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    assert (scores.argmax(-1)[1:] == 795).float().mean() > 0.5


def _with(word: str, folder: Path) -> list[str]:
    lines = (folder / "Flickr8k.token.txt").read_text().splitlines()
    names = [line.split("#")[0] for line in lines if f" {word} " in line]
    often = [name for name in dict.fromkeys(names) if names.count(name) >= 3]
    return often[:8]


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="did you mean efficientnet_lite2"):
        encoders.load("eficientnet_lite2")
    (tmp_path / "w.pth").write_bytes(b"nonsense")
    with pytest.raises(WeightsError, match="does not hold"):
        encoders.load("efficientnet_lite2", weights=tmp_path / "w.pth")
