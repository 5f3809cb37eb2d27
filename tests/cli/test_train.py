"""``tushuo train``: flags are the settings, and a run is gone on from with a reward."""

import json
from dataclasses import fields
from pathlib import Path

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
from tushuo.training.plan import TrainingPlan
from tushuo.training.setup import prepare_training


@pytest.fixture(scope="module")
def store(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train") / "store"
    extract(read(scenes), MeanEncoder(), folder)
    return folder


def test_flags_hold_what_was_given_alone() -> None:
    made = flags_of(TrainConfig, chooser="recipe", without=["seed"])
    assert {one.name for one in fields(made)} == {one.name for one in fields(TrainConfig)} - {
        "seed"
    }
    settings = TrainConfig(epochs=7, batch_size=9)
    assert with_given(settings, made()) == settings
    assert with_given(settings, made(batch_size=3, average=0.5)) == TrainConfig(
        epochs=7, batch_size=3, average=0.5
    )


def test_a_no_is_taken_back_by_the_word_itself() -> None:
    for given, no_immediate_repeat in (
        ("--immediate-repeat", False),
        ("--no-immediate-repeat", True),
    ):
        _, bound, _ = app.parse_args(["caption", "photo.jpg", given, "--no-allow-unk"])
        search = bound.arguments["search"]
        assert (search.no_immediate_repeat, search.allow_unk) == (no_immediate_repeat, False)


def test_every_setting_is_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", "--help") == 0
    told = capsys.readouterr().out
    for one in fields(TrainConfig):
        assert f"--{one.name.replace('_', '-')} " in told


def test_a_run_is_gone_on_from_with_amake_reward(
    scenes: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_run = ("train", scenes, "--store", store, "--epochs", 2, "--batch-size", 20)
    options = ("--best-by", "cider", "--average", 0.9, "--label-smoothing", 0.1)
    assert call(*create_run, *options, "--output", tmp_path / "run") == 0
    told = capsys.readouterr()
    assert ", CIDEr " in told.out
    assert "  different captions: " in told.err
    made = json.loads((tmp_path / "run" / "run.json").read_bytes())
    assert (made["training"]["average"], made["initialized_from"]) == (0.9, None)

    again = ("--from", tmp_path / "run", "--recipe", "self_critical", "--output", tmp_path / "sc")
    assert call(*create_run, *again, "--dropout", 0) == 0
    told = capsys.readouterr()
    assert "epoch 2: reward " in told.err
    rows = [line.split(",") for line in (tmp_path / "sc" / "log.csv").read_text().splitlines()]
    assert rows[0][-2:] == ["val_cider", "reward"]
    assert rows[1][1] == ""  # no loss is learned from
    made = json.loads((tmp_path / "sc" / "run.json").read_bytes())
    assert (made["training"]["samples"], made["decoder_settings"]["dropout"]) == (5, 0)
    assert len(made["initialized_from"]) == 16
    words = [(tmp_path / run / "vocabulary.json").read_bytes() for run in ("run", "sc")]
    assert words[0] == words[1]

    between = ("--output", tmp_path / "between", "--share", 0.25)
    pair = (tmp_path / "run", tmp_path / "sc")
    assert call("blend", *pair, *between) == 0
    one, other, mean = (load_file(of / "best.safetensors") for of in (*pair, tmp_path / "between"))
    assert mean.keys() == other.keys()
    for name, weight in mean.items():
        torch.testing.assert_close(weight, 0.75 * one[name] + 0.25 * other[name])
    assert not all(one[name].equal(other[name]) for name in mean)
    signatures = {read_config(of).signature for of in (*pair, tmp_path / "between")}
    assert len(signatures) == 3
    assert Run.load(tmp_path / "between").config.blend_share == 0.25
    capsys.readouterr()
    for wrong, told in (
        ((*pair, "--output", tmp_path / "between"), "holds a run already"),
        ((*pair, "--output", tmp_path / "new", "--share", 1), "above 0 and below 1"),
        ((*pair[::-1], "--output", tmp_path / "new"), "name the run that its training was told"),
    ):
        assert call("blend", *wrong) == 2
        assert told in capsys.readouterr().err


def test_an_end_is_a_word_to_the_reward_and_bleu_counts_as_asked(
    scenes: Path, store: Path, tmp_path: Path
) -> None:
    lesson = prepare_training(
        read(scenes), Regions.from_store(store), tmp_path / "run", TrainingPlan()
    )
    said = lesson.training[0].captions[0][1:]
    assert said[-1] == END
    plain = make_reward(lesson, TrainConfig(samples=5))
    mixed = make_reward(lesson, TrainConfig(samples=5, bleu_weight=2.0))
    assert plain
    assert mixed
    finished, broken = plain(np.array([0, 0]), [said, said[:-1]])
    assert finished > broken
    assert mixed(np.array([0]), [said])[0] == pytest.approx(finished + 2.0)
    assert make_reward(lesson, TrainConfig()) is None


def test_runs_teach_one(
    scenes: Path,
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_run = ("train", scenes, "--epochs", 1, "--batch-size", 40)
    stored = (*create_run, "--store", store)
    for seed in (1, 2):
        assert (
            call(*stored, "--epoch-steps", 1, "--seed", seed, "--output", tmp_path / str(seed)) == 0
        )
    both = ("--teacher", tmp_path / "1", "--teacher", tmp_path / "2", "--output", tmp_path / "run")
    capsys.readouterr()
    for wrong, told in (
        ((*create_run, *both), "--teacher requires --store"),
        ((*stored, *both, "--teacher-weight", 2), "teacher_weight was 2.0, it must be from 0 to 1"),
        (
            (*stored, *both[-2:], "--teacher-weight", 0.5),
            "there is no teacher; also pass --teacher",
        ),
    ):
        assert call(*wrong) == 2
        assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    opened, open_store = [], FeatureStore.open
    monkeypatch.setattr(
        FeatureStore, "open", lambda folder: opened.append(folder) or open_store(folder)
    )
    assert call(*stored, *both) == 0
    assert opened == [store]  # teachers look at the student's regions, compared with the pictures
    taught = read_config(tmp_path / "run").teachers_signature
    assert taught is not None
    assert taught.endswith("|weight:0.5")


def test_what_cannot_be_is_said(
    scenes: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_run = ("train", scenes, "--store", store, "--output", tmp_path / "run")
    assert call(*create_run, "--recipe", "self_critical") == 2
    assert "pass one with --from" in capsys.readouterr().err
