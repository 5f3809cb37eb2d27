"""``tushuo train``: flags, self-critical training and distillation."""

import json
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.cli.test_cli import call
from tests.conftest import MeanEncoder
from tushuo.cli import app
from tushuo.cli.flags import flags_of, with_given
from tushuo.data import read
from tushuo.features.extract import extract
from tushuo.features.regions import Regions
from tushuo.features.store import FeatureStore
from tushuo.runs.run import Run, read_config
from tushuo.text.vocabulary import END
from tushuo.training.assemble import make_reward
from tushuo.training.config import TrainConfig
from tushuo.training.options import (
    DataOptions,
    EncoderOptions,
    InitialisationOptions,
    ModelOptions,
)
from tushuo.training.plan import TrainingPlan
from tushuo.training.setup import prepare_training


@pytest.fixture(scope="module")
def store(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train") / "store"
    extract(read(scenes), MeanEncoder(), folder)
    return folder


def test_flags_hold_only_what_was_set() -> None:
    flags = flags_of(TrainConfig, chooser="recipe", without=["seed"])
    names = {field.name for field in fields(TrainConfig)}
    assert {field.name for field in fields(flags)} == names - {"seed"}
    settings = TrainConfig(epochs=7, batch_size=9)
    assert with_given(settings, flags()) == settings
    assert with_given(settings, flags(batch_size=3, average=0.5)) == TrainConfig(
        epochs=7, batch_size=3, average=0.5
    )


def test_a_negative_setting_is_negated_by_the_positive_flag() -> None:
    for flag, no_immediate_repeat in (
        ("--immediate-repeat", False),
        ("--no-immediate-repeat", True),
    ):
        _, bound, _ = app.parse_args(["caption", "photo.jpg", flag, "--no-allow-unk"])
        search = bound.arguments["search"]
        assert (search.no_immediate_repeat, search.allow_unk) == (no_immediate_repeat, False)


def test_every_option_is_a_flag_with_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """With one line of help at least."""
    assert call("train", "--help") == 0
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for kind in (DataOptions, EncoderOptions, ModelOptions, InitialisationOptions, TrainConfig):
        for name, hint in get_type_hints(kind, include_extras=True).items():
            flag = {"initial_run": "from", "teachers": "teacher"}.get(name, name)
            assert f"--{flag.replace('_', '-')} " in printed
            assert get_args(hint)[1].split(";")[0] in printed


def test_self_critical_training_starts_from_a_run(
    scenes: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ("train", scenes, "--store", store, "--epochs", 2, "--batch-size", 20)
    options = ("--best-by", "cider", "--average", 0.9, "--label-smoothing", 0.1)
    assert call(*train, *options, "--output", tmp_path / "run") == 0
    printed = capsys.readouterr()
    assert ", CIDEr " in printed.out
    assert "  different captions: " in printed.err
    config = json.loads((tmp_path / "run" / "run.json").read_bytes())
    assert (config["training"]["average"], config["initialized_from"]) == (0.9, None)

    continued = (
        "--from",
        tmp_path / "run",
        "--recipe",
        "self_critical",
        "--output",
        tmp_path / "sc",
    )
    assert call(*train, *continued, "--dropout", 0) == 0
    assert "epoch 2: reward " in capsys.readouterr().err
    rows = [line.split(",") for line in (tmp_path / "sc" / "log.csv").read_text().splitlines()]
    assert rows[0][-2:] == ["val_cider", "reward"]
    assert rows[1][1] == ""  # there is no training loss
    config = json.loads((tmp_path / "sc" / "run.json").read_bytes())
    assert (config["training"]["samples"], config["decoder_settings"]["dropout"]) == (5, 0)
    assert len(config["initialized_from"]) == 16
    vocabularies = [(tmp_path / run / "vocabulary.json").read_bytes() for run in ("run", "sc")]
    assert vocabularies[0] == vocabularies[1]

    between = ("--output", tmp_path / "between", "--share", 0.25)
    pair = (tmp_path / "run", tmp_path / "sc")
    assert call("blend", *pair, *between) == 0
    folders = (*pair, tmp_path / "between")
    one, other, mean = (load_file(folder / "best.safetensors") for folder in folders)
    assert mean.keys() == other.keys()
    for name, weight in mean.items():
        torch.testing.assert_close(weight, 0.75 * one[name] + 0.25 * other[name])
    assert not all(one[name].equal(other[name]) for name in mean)
    assert len({read_config(folder).signature for folder in folders}) == 3
    assert Run.load(tmp_path / "between").config.blend_share == 0.25
    capsys.readouterr()
    for wrong, message in (
        ((*pair, "--output", tmp_path / "between"), "already holds a run"),
        ((*pair, "--output", tmp_path / "new", "--share", 1), "above 0 and below 1"),
        ((*pair[::-1], "--output", tmp_path / "new"), "name the run that was given by --from"),
    ):
        assert call("blend", *wrong) == 2
        assert message in capsys.readouterr().err


def test_the_reward_counts_ends_and_weighs_bleu(scenes: Path, store: Path, tmp_path: Path) -> None:
    regions = Regions.from_store(store)
    setup = prepare_training(read(scenes), regions, tmp_path / "run", TrainingPlan())
    caption = setup.training[0].captions[0][1:]
    assert caption[-1] == END
    plain = make_reward(setup, TrainConfig(samples=5))
    mixed = make_reward(setup, TrainConfig(samples=5, bleu_weight=2.0))
    assert plain
    assert mixed
    finished, broken_off = plain(np.array([0, 0]), [caption, caption[:-1]])
    assert finished > broken_off
    assert mixed(np.array([0]), [caption])[0] == pytest.approx(finished + 2.0)
    assert make_reward(setup, TrainConfig()) is None


def test_distillation_from_two_runs(
    scenes: Path,
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train = ("train", scenes, "--epochs", 1, "--batch-size", 40)
    stored = (*train, "--store", store)
    for seed in (1, 2):
        assert (
            call(*stored, "--epoch-steps", 1, "--seed", seed, "--output", tmp_path / str(seed)) == 0
        )
    both = ("--teacher", tmp_path / "1", "--teacher", tmp_path / "2", "--output", tmp_path / "run")
    capsys.readouterr()
    for wrong, message in (
        ((*train, *both), "--teacher requires --store"),
        ((*stored, *both, "--teacher-weight", 2), "teacher_weight must be from 0 to 1, got 2.0"),
        (
            (*stored, *both[-2:], "--teacher-weight", 0.5),
            "there is no teacher; also pass --teacher",
        ),
    ):
        assert call(*wrong) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    opened, open_store = [], FeatureStore.open
    monkeypatch.setattr(
        FeatureStore, "open", lambda folder: opened.append(folder) or open_store(folder)
    )
    assert call(*stored, *both) == 0
    assert opened == [
        store
    ]  # teachers read the student's regions, which were compared with the pictures
    signature = read_config(tmp_path / "run").teachers_signature
    assert signature is not None
    assert signature.endswith("|weight:0.5")


def test_self_critical_training_requires_a_run(
    scenes: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ("train", scenes, "--store", store, "--output", tmp_path / "run")
    assert call(*train, "--recipe", "self_critical") == 2
    assert "pass one with --from" in capsys.readouterr().err
