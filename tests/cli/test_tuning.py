"""``tushuo extract --upto``, ``train --encoder-rate``, and the run that comes of it, as typed."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_cli import call


def test_as_the_docs_say(
    scenes: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = ("--encoder", "efficientnet_lite0", "--weights", tiny_weights)
    trunk, run, store = (tmp_path / name for name in ("trunk", "run", "store"))
    create_run = ("train", scenes, "--weights", tiny_weights, "--epochs", 1, "--batch-size", 40)
    assert call("extract", scenes, *looks, "--frozen-blocks", 6, "--output", trunk) == 0
    assert call(*create_run, "--store", trunk, "--output", run, "--encoder-rate", 1e-3) == 0
    picture = next((scenes / "images").iterdir())
    assert call("caption", picture, "--run", run, "--weights", tiny_weights) == 0
    whole = ("--run", run, "--weights", tiny_weights, "--output")
    assert call("extract", scenes, *whole, store) == 0
    quick = tmp_path / "quick"
    assert call("extract", scenes, *whole, quick, "--store", trunk) == 0
    shards = [np.load(of / "shards" / "00000.npy") for of in (store, quick)]
    # float16 rounds the trunk's grid by 2 ** -11 of it, and what becomes of it, up to 6, again
    np.testing.assert_allclose(shards[1], shards[0], rtol=0, atol=4 * 6 * 2**-11)
    kept = [json.loads((of / "store.json").read_bytes()) for of in (store, quick)]
    assert kept[0] == kept[1]
    assert call("extract", scenes, *whole, tmp_path / "none", "--store", store) == 2
    assert "name the store that the run was trained on" in capsys.readouterr().err
    refused = ("--store", trunk, "--output", tmp_path / "none")
    assert call("extract", scenes, *refused) == 2
    assert "name one with --run" in capsys.readouterr().err
    told = []
    for regions in (("--store", store), ("--store", trunk), ()):
        score = ("evaluate", scenes, "--run", run, "--weights", tiny_weights, *regions, "--json")
        assert call(*score) == 0
        told.append(json.loads(capsys.readouterr().out)["scores"])
    assert told[0] == told[1] == told[2]
    inherit_settings = ("--from", run, "--store", store, "--output", tmp_path / "on")
    assert call(*create_run, *inherit_settings) == 0
    fly = ("--encoder", "efficientnet_lite0", "--frozen-blocks", 6, "--encoder-rate", 1e-4)
    assert call(*create_run, *fly, "--from", run, "--output", tmp_path / "fly") == 0
    assert call(*create_run, "--store", trunk, "--output", tmp_path / "no") == 2
    assert "let the upper part learn with --encoder-rate" in capsys.readouterr().err


def test_the_best_recipe_keeps_views_below_what_learns(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few, trunk, run = ("--max-images", 20, "--recipe", "best"), tmp_path / "trunk", tmp_path / "run"
    assert call("extract", scenes, *few, "--output", trunk) == 0
    header = json.loads((trunk / "store.json").read_bytes())
    assert header["view_names"] == ["plain", "flip", "crop"]
    assert (header["encoder"]["side"], header["encoder"]["upto"]) == (320, 16)
    assert call("train", scenes, *few, "--store", trunk, "--output", run, "--epochs", 1) == 0
    picture = next((scenes / "images").iterdir())
    capsys.readouterr()
    assert call("explain", picture, "--run", run, "--output", tmp_path / "page.html") == 0
    made = json.loads((run / "run.json").read_bytes())
    assert made["encoder"]["name"] == "efficientnet_lite2@320"
    assert made["search"]["search"] == "consensus"
