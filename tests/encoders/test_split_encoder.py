"""Split encoders: trunk and head equal the whole encoder, and only the head is trained."""

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


@pytest.mark.parametrize("frozen_blocks", [None, 0, 3, 7])
def test_trunk_and_head_equal_the_whole_encoder(
    tiny_weights: Path, frozen_blocks: int | None
) -> None:
    whole = encoders.load("efficientnet_lite0", weights=tiny_weights)
    split = split_encoder(whole, frozen_blocks)
    batch = pictures(whole.spec.side)
    grid = split.trunk(batch)
    assert grid.shape == (2, split.trunk.spec.regions, split.trunk.spec.width)
    assert split.trunk.spec.frozen_blocks == (6 if frozen_blocks is None else frozen_blocks)
    assert split.trunk.spec.is_trunk
    assert split.head(grid.clone()).equal(whole(batch))
    assert FineTunedEncoder(split)(batch).equal(whole(batch))


def test_real_weights_are_split_where_the_last_grid_begins() -> None:
    whole = encoders.load("efficientnet_lite2")
    split = split_encoder(whole)
    spec = split.trunk.spec
    assert (spec.frozen_blocks, spec.rows, spec.columns, spec.width) == (16, 9, 9, 208)
    batch = pictures(whole.spec.side, 1)
    # some seventy layers, each of which rounds numbers up to 6 by 2 ** -24 of them
    rounding = 4 * 70 * 6 * 2**-24
    regions = split.head(split.trunk(batch).clone())
    torch.testing.assert_close(regions, whole(batch), rtol=0, atol=rounding)
    trainable = sum(weight.numel() for weight in split.head.parameters())
    assert 0.7 < trainable / sum(weight.numel() for weight in whole._network.parameters()) < 0.71


def test_gradients_reach_only_the_head(tiny_weights: Path) -> None:
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


def test_a_fine_tuned_head_changes_the_signature(tiny_weights: Path, tmp_path: Path) -> None:
    whole = encoders.load("efficientnet_lite0", weights=tiny_weights)
    weights = {name: value * 0.9 for name, value in split_encoder(whole).head.state_dict().items()}
    tuned = fine_tuned_encoder(whole, None, weights)
    parts = differences(whole.spec.signature, tuned.spec.signature)
    assert [part.split(":")[0] for part in parts] == ["upto", "upper"]
    assert tuned.spec.pretrained == whole.spec
    assert not tuned(pictures(224)).equal(whole(pictures(224)))
    save_head(tmp_path, tuned.head.state_dict())
    assert tuned.spec.head is not None
    again = fine_tuned_encoder(whole, None, read_head(tmp_path, tuned.spec.head))
    assert again.spec == tuned.spec
    assert again(pictures(224)).equal(tuned(pictures(224)))
    with pytest.raises(WeightsError, match=f"has the hash {tuned.spec.head}, expected 0000"):
        read_head(tmp_path, "0000")
    with pytest.raises(WeightsError, match=r"encoder.safetensors cannot be read"):
        read_head(tmp_path / "elsewhere", tuned.spec.head)
    with pytest.raises(WeightsError, match="the weights do not fit the head of the encoder"):
        fine_tuned_encoder(whole, 2, weights)


def test_an_impossible_split_is_refused(tiny_weights: Path) -> None:
    with pytest.raises(SettingError, match="encoder mean cannot be split into"):
        split_encoder(MeanEncoder())
    with pytest.raises(SettingError, match="must be 0 to 7 for efficientnet_lite0, got 8; 6 "):
        split_encoder(encoders.load("efficientnet_lite0", weights=tiny_weights), 8)
