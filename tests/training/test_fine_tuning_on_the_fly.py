"""Fine-tuning on pictures that are opened in each epoch: augmented, and resumed."""

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.training.test_fine_tuning import fine_tune
from tests.training.test_train import Killed
from tushuo import encoders
from tushuo.data import Record
from tushuo.features.regions import Regions
from tushuo.training.fine_tuning import split_for_training
from tushuo.training.loop import Callbacks


def test_a_killed_and_resumed_fine_tuning_on_the_fly_has_the_same_weights(
    records: list[Record], tiny_weights: Path, tmp_path: Path
) -> None:
    """And not those of a fine-tuning without mirrored pictures."""
    encoder = encoders.load("efficientnet_lite0", weights=tiny_weights)
    trunk = split_for_training(encoder, None, None).trunk
    mirrored = Regions.on_the_fly(trunk, records, views=("plain", "flip"))
    steps = 0

    def kill(report: object) -> None:
        nonlocal steps
        steps += 1
        if steps == 5:
            raise Killed

    fine_tune(records, encoder, mirrored, tmp_path / "whole")
    fine_tune(records, encoder, Regions.on_the_fly(trunk, records), tmp_path / "plain")
    often = Callbacks(save_every_seconds=0.0)
    killer = replace(often, step=kill)
    with pytest.raises(Killed):
        fine_tune(records, encoder, mirrored, tmp_path / "killed", callbacks=killer)
    fine_tune(records, encoder, mirrored, tmp_path / "killed", callbacks=often)
    whole, killed, plain = (
        load_file(tmp_path / name / "last.safetensors") for name in ("whole", "killed", "plain")
    )
    assert whole.keys() == killed.keys()
    assert all(whole[name].equal(killed[name]) for name in whole)
    assert not all(whole[name].equal(plain[name]) for name in whole)
