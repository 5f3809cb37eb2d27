"""Settings of a training: each has an effect, and the best epoch is kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.conftest import MeanEncoder
from tests.training.test_train import ONCE, PLAIN, learn
from tushuo.data import Record
from tushuo.decoders.base import Decoder
from tushuo.features.regions import Regions
from tushuo.training.checkpoint import EpochRow, best_row
from tushuo.training.config import TrainConfig
from tushuo.training.loop import Callbacks, is_over


@pytest.fixture(scope="module")
def store(records: list[Record]) -> Regions:
    return Regions.on_the_fly(MeanEncoder(), records)


def test_patience_ends_the_training(records: list[Record], store: Regions, tmp_path: Path) -> None:
    """With a learning rate near 0 CIDEr never changes, so the first epoch stays the best."""
    config = replace(PLAIN, epochs=9, best_by="cider", patience=2, learning_rate=1e-30)
    rows = learn(records, store, tmp_path / "run", Callbacks(), config)
    assert (len(rows), is_over(rows, config)) == (3, True)
    assert not is_over(rows[:2], config)
    assert learn(records, store, tmp_path / "run", Callbacks(), config) == rows


def test_patience_follows_cider_and_not_the_loss() -> None:
    """Of five epochs the third has the highest CIDEr, the first the lowest loss."""
    rows = [
        EpochRow(epoch=n, train_loss=1.0, val_loss=float(n), seconds=1.0, val_cider=cider)
        for n, cider in enumerate([0.1, 0.2, 0.4, 0.3, 0.3], start=1)
    ]
    config = TrainConfig(epochs=9, best_by="cider", patience=3)
    assert not is_over(rows, config)
    assert is_over(rows, replace(config, patience=2))
    assert is_over(rows, replace(config, best_by="loss"))


def test_among_equal_ciders_the_lowest_loss_is_the_best() -> None:
    """CIDEr is often 0 in the first epochs, of which the first is not the best."""
    rows = [EpochRow(epoch=n, train_loss=1.0, val_loss=1 / n, seconds=1.0) for n in (1, 2, 3)]
    assert best_row([replace(row, val_cider=0.0) for row in rows], "cider").epoch == 3


def test_the_weights_with_the_highest_cider_are_kept(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    """By CIDEr the second epoch is the best, although the loss still falls."""
    ciders, weights = iter([0.1, 0.9, 0.3]), []

    def epoch(decoder: Decoder, rows: list[EpochRow]) -> None:
        weights.append({name: value.clone() for name, value in decoder.state_dict().items()})

    config, callbacks = replace(PLAIN, best_by="cider"), Callbacks(epoch=epoch)
    rows = learn(records, store, tmp_path / "run", callbacks, config, lambda _: next(ciders))
    assert min(rows, key=lambda row: row.val_loss).epoch == 3
    best = load_file(tmp_path / "run" / "best.safetensors")
    equal = [all(best[name].equal(each[name]) for name in best) for each in weights]
    assert equal == [False, True, False]


@pytest.mark.parametrize(
    "option",
    [
        {"label_smoothing": 0.1},
        {"word_dropout": 0.2},
        {"region_dropout": 0.2},
        {"weight_decay": 0.1},
        {"clip_norm": 0.01},
        {"average": 0.9},
        {"schedule": "cosine"},
        {"warm_up": 1.0},
        {"scheduled_sampling": 0.5},
        {"doubly_stochastic": 1.0},
        {"seed": 1},
    ],
    ids=lambda option: next(iter(option)),
)
def test_every_setting_has_an_effect(
    records: list[Record], store: Regions, tmp_path: Path, option: dict[str, Any]
) -> None:
    """Two trainings that differ in it alone end with different weights."""
    for name, config in (("plain", ONCE), ("with", replace(ONCE, **option))):
        learn(records, store, tmp_path / name, Callbacks(), config)
    one, other = (load_file(tmp_path / name / "best.safetensors") for name in ("plain", "with"))
    assert not all(one[name].equal(other[name]) for name in one)


def test_the_averaged_weights_are_validated(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    """They start from the initial weights, so their loss falls from epoch to epoch."""
    rows = learn(records, store, tmp_path / "run", Callbacks(), replace(PLAIN, average=0.9))
    losses = [row.val_loss for row in rows]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.1
