"""An encoder that learns from pictures that are opened in each epoch: augmented, and resumed."""

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.train.test_train import Killed
from tests.train.test_tuning import tune
from tushuo import encoders
from tushuo.data import Record
from tushuo.features.regions import Regions
from tushuo.train.loop import Watcher
from tushuo.train.tuning import parted


def test_a_killed_tuning_on_the_fly_ends_with_the_same_weights(
    records: list[Record], tiny_weights: Path, tmp_path: Path
) -> None:
    """And with others than a tuning that sees no mirrored pictures."""
    encoder = encoders.load("efficientnet_lite0", weights=tiny_weights)
    lower = parted(encoder, None, None).lower
    mirrored = Regions.on_the_fly(lower, records, views=("plain", "flip"))
    seen = 0

    def kill(moment: object) -> None:
        nonlocal seen
        seen += 1
        if seen == 5:
            raise Killed

    tune(records, encoder, mirrored, tmp_path / "whole")
    tune(records, encoder, Regions.on_the_fly(lower, records), tmp_path / "plain")
    often = Watcher(save_every_seconds=0.0)
    deadly = replace(often, step=kill)
    with pytest.raises(Killed):
        tune(records, encoder, mirrored, tmp_path / "killed", watcher=deadly)
    tune(records, encoder, mirrored, tmp_path / "killed", watcher=often)
    whole, killed, plain = (
        load_file(tmp_path / name / "last.safetensors") for name in ("whole", "killed", "plain")
    )
    assert whole.keys() == killed.keys()
    assert all(whole[name].equal(killed[name]) for name in whole)
    assert not all(whole[name].equal(plain[name]) for name in whole)
