"""An encoder in two parts: together they are the whole, and only the upper one learns."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.conftest import MeanEncoder
from tushuo import encoders
from tushuo.encoders.halves import Tuned, divide, load_upper, save_upper, tuned
from tushuo.errors import SettingError, WeightsError
from tushuo.signatures import differences


def pictures(side: int, number: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (number, 3, side, side), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("upto", [None, 0, 3, 7])
def test_the_parts_together_are_the_whole(tiny_weights: Path, upto: int | None) -> None:
    whole = encoders.load("efficientnet_lite0", weights=tiny_weights)
    halves = divide(whole, upto)
    seen = pictures(whole.spec.side)
    grid = halves.lower(seen)
    assert grid.shape == (2, halves.lower.spec.regions, halves.lower.spec.width)
    assert halves.lower.spec.upto == (6 if upto is None else upto)
    assert halves.lower.spec.is_lower
    assert halves.upper(grid.clone()).equal(whole(seen))
    assert Tuned(halves)(seen).equal(whole(seen))


def test_real_weights_part_where_the_last_grid_begins() -> None:
    whole = encoders.load("efficientnet_lite2")
    halves = divide(whole)
    spec = halves.lower.spec
    assert (spec.upto, spec.rows, spec.columns, spec.width) == (16, 9, 9, 208)
    seen = pictures(whole.spec.side, 1)
    torch.testing.assert_close(halves.upper(halves.lower(seen).clone()), whole(seen))
    learns = sum(weight.numel() for weight in halves.upper.parameters())
    assert 0.7 < learns / sum(weight.numel() for weight in whole._network.parameters()) < 0.71


def test_the_gradient_reaches_the_upper_part_alone(tiny_weights: Path) -> None:
    whole = encoders.load("efficientnet_lite0", weights=tiny_weights)
    before = whole(pictures(whole.spec.side))
    halves = divide(whole)
    halves.upper(halves.lower(pictures(whole.spec.side)).clone()).sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in halves.upper.parameters())
    assert all(weight.grad is None for weight in whole._network.parameters())
    with torch.no_grad():
        for weight in halves.upper.parameters():
            weight.sub_(0.1)
    assert whole(pictures(whole.spec.side)).equal(before)


def test_a_trained_part_has_a_signature_of_its_own(tiny_weights: Path, tmp_path: Path) -> None:
    whole = encoders.load("efficientnet_lite0", weights=tiny_weights)
    weights = {name: value * 0.9 for name, value in divide(whole).upper.state_dict().items()}
    own = tuned(whole, None, weights)
    parts = differences(whole.spec.signature, own.spec.signature)
    assert [part.split(":")[0] for part in parts] == ["upto", "upper"]
    assert own.spec.as_it_came == whole.spec
    assert not own(pictures(224)).equal(whole(pictures(224)))
    save_upper(tmp_path, own.upper.state_dict())
    assert own.spec.upper is not None
    again = tuned(whole, None, load_upper(tmp_path, own.spec.upper))
    assert again.spec == own.spec
    assert again(pictures(224)).equal(own(pictures(224)))
    with pytest.raises(WeightsError, match=f"has the hash {own.spec.upper}, expected 0000"):
        load_upper(tmp_path, "0000")
    with pytest.raises(WeightsError, match=r"encoder.safetensors cannot be read"):
        load_upper(tmp_path / "elsewhere", own.spec.upper)
    with pytest.raises(WeightsError, match="the upper blocks do not fit their encoder"):
        tuned(whole, 2, weights)


def test_what_cannot_be_parted(tiny_weights: Path) -> None:
    with pytest.raises(SettingError, match="encoder mean cannot be parted"):
        divide(MeanEncoder())
    with pytest.raises(SettingError, match="upto was 8, efficientnet_lite0 has 7 blocks; 6 leaves"):
        divide(encoders.load("efficientnet_lite0", weights=tiny_weights), 8)
