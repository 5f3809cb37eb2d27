"""``tushuo extract --frozen-blocks``, ``train --encoder-rate``, and the resulting run."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_cli import call


def test_the_documented_commands(
    scenes: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = ("--encoder", "efficientnet_lite0", "--weights", tiny_weights)
    trunk, run, store = (tmp_path / name for name in ("trunk", "run", "store"))
    train = ("train", scenes, "--weights", tiny_weights, "--epochs", 1, "--batch-size", 40)
    assert call("extract", scenes, *encoder, "--frozen-blocks", 6, "--output", trunk) == 0
    assert call(*train, "--store", trunk, "--output", run, "--encoder-rate", 1e-3) == 0
    picture = next((scenes / "images").iterdir())
    assert call("caption", picture, "--run", run, "--weights", tiny_weights) == 0
    whole = ("--run", run, "--weights", tiny_weights, "--output")
    assert call("extract", scenes, *whole, store) == 0
    quick = tmp_path / "quick"
    assert call("extract", scenes, *whole, quick, "--store", trunk) == 0
    shards = [np.load(folder / "shards" / "00000.npy") for folder in (store, quick)]
    # float16 rounds the trunk's grid by 2 ** -11 of it, and the regions made of it, up to 6, again
    np.testing.assert_allclose(shards[1], shards[0], rtol=0, atol=4 * 6 * 2**-11)
    headers = [json.loads((folder / "store.json").read_bytes()) for folder in (store, quick)]
    assert headers[0] == headers[1]
    assert call("extract", scenes, *whole, tmp_path / "none", "--store", store) == 2
    assert "name the store that the run was trained on" in capsys.readouterr().err
    refused = ("--store", trunk, "--output", tmp_path / "none")
    assert call("extract", scenes, *refused) == 2
    assert "name one with --run" in capsys.readouterr().err
    scores = []
    for regions in (("--store", store), ("--store", trunk), ()):
        command = ("evaluate", scenes, "--run", run, "--weights", tiny_weights, *regions, "--json")
        assert call(*command) == 0
        scores.append(json.loads(capsys.readouterr().out)["scores"])
    assert scores[0] == scores[1] == scores[2]
    continued = ("--from", run, "--store", store, "--output", tmp_path / "on")
    assert call(*train, *continued) == 0
    on_the_fly = ("--encoder", "efficientnet_lite0", "--frozen-blocks", 6, "--encoder-rate", 1e-4)
    assert call(*train, *on_the_fly, "--from", run, "--output", tmp_path / "fly") == 0
    assert call(*train, "--store", trunk, "--output", tmp_path / "no") == 2
    assert "fine-tune the other blocks with --encoder-rate" in capsys.readouterr().err


def test_the_best_recipe_stores_views_of_the_trunk(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few, trunk, run = ("--max-images", 20, "--recipe", "best"), tmp_path / "trunk", tmp_path / "run"
    assert call("extract", scenes, *few, "--output", trunk) == 0
    header = json.loads((trunk / "store.json").read_bytes())
    assert header["view_names"] == ["plain", "flip", "crop"]
    assert (header["encoder"]["side"], header["encoder"]["frozen_blocks"]) == (320, 16)
    assert call("train", scenes, *few, "--store", trunk, "--output", run, "--epochs", 1) == 0
    picture = next((scenes / "images").iterdir())
    capsys.readouterr()
    assert call("explain", picture, "--run", run, "--output", tmp_path / "page.html") == 0
    config = json.loads((run / "run.json").read_bytes())
    assert config["encoder"]["name"] == "efficientnet_lite2@320"
    assert config["search"]["search"] == "consensus"
