"""An encoder in two parts: together they are the whole, and only the upper one learns."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.conftest import MeanEncoder
from tushuo import encoders
from tushuo.encoders.split_encoder import (
    FineTunedEncoder,
    fine_tuned_encoder,
    read_head,
    save_head,
    split_encoder,
)
from tushuo.errors import SettingError, WeightsError
from tushuo.signatures import differences


def pictures(side: int, number: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (number, 3, side, side), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("upto", [None, 0, 3, 7])
def test_the_parts_together_are_the_whole(tiny_weights: Path, frozen_blocks: int | None) -> None:
    whole = encoders.load("efficientnet_lite0", weights=tiny_weights)
    split = split_encoder(whole, frozen_blocks)
    seen = pictures(whole.spec.side)
    grid = split.trunk(seen)
    assert grid.shape == (2, split.trunk.spec.regions, split.trunk.spec.width)
    assert split.trunk.spec.frozen_blocks == (6 if frozen_blocks is None else frozen_blocks)
    assert split.trunk.spec.is_trunk
    assert split.head(grid.clone()).equal(whole(seen))
    assert FineTunedEncoder(split)(seen).equal(whole(seen))


def test_real_weights_part_where_the_last_grid_begins() -> None:
    whole = encoders.load("efficientnet_lite2")
    split = split_encoder(whole)
    spec = split.trunk.spec
    assert (spec.frozen_blocks, spec.rows, spec.columns, spec.width) == (16, 9, 9, 208)
    seen = pictures(whole.spec.side, 1)
    # some seventy layers, each of which rounds numbers up to 6 by 2 ** -24 of them
    rounding = 4 * 70 * 6 * 2**-24
    finished = split.head(split.trunk(seen).clone())
    torch.testing.assert_close(finished, whole(seen), rtol=0, atol=rounding)
    learns = sum(weight.numel() for weight in split.head.parameters())
    assert 0.7 < learns / sum(weight.numel() for weight in whole._network.parameters()) < 0.71


def test_the_gradient_reaches_the_upper_part_alone(tiny_weights: Path) -> None:
    whole = encoders.load("efficientnet_lite0", weights=tiny_weights)
    before = whole(pictures(whole.spec.side))
    split = split_encoder(whole)
    split.head(split.trunk(pictures(whole.spec.side)).clone()).sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in split.head.parameters())
    assert all(weight.grad is None for weight in whole._network.parameters())
    with torch.no_grad():
        for weight in split.head.parameters():
            weight.sub_(0.1)
    assert whole(pictures(whole.spec.side)).equal(before)


def test_a_trained_part_has_a_signature_of_its_own(tiny_weights: Path, tmp_path: Path) -> None:
    whole = encoders.load("efficientnet_lite0", weights=tiny_weights)
    weights = {name: value * 0.9 for name, value in split_encoder(whole).head.state_dict().items()}
    own = fine_tuned_encoder(whole, None, weights)
    parts = differences(whole.spec.signature, own.spec.signature)
    assert [part.split(":")[0] for part in parts] == ["upto", "upper"]
    assert own.spec.pretrained == whole.spec
    assert not own(pictures(224)).equal(whole(pictures(224)))
    save_head(tmp_path, own.head.state_dict())
    assert own.spec.head is not None
    again = fine_tuned_encoder(whole, None, read_head(tmp_path, own.spec.head))
    assert again.spec == own.spec
    assert again(pictures(224)).equal(own(pictures(224)))
    with pytest.raises(WeightsError, match=f"has the hash {own.spec.head}, expected 0000"):
        read_head(tmp_path, "0000")
    with pytest.raises(WeightsError, match=r"encoder.safetensors cannot be read"):
        read_head(tmp_path / "elsewhere", own.spec.head)
    with pytest.raises(WeightsError, match="the upper blocks do not fit their encoder"):
        fine_tuned_encoder(whole, 2, weights)


def test_what_cannot_be_parted(tiny_weights: Path) -> None:
    with pytest.raises(SettingError, match="encoder mean cannot be parted"):
        split_encoder(MeanEncoder())
    with pytest.raises(SettingError, match="upto was 8, efficientnet_lite0 has 7 blocks; 6 leaves"):
        split_encoder(encoders.load("efficientnet_lite0", weights=tiny_weights), 8)
