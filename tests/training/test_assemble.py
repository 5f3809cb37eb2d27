"""`tushuo.train`: the command as a Python call."""

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from safetensors.torch import load_file

import tushuo
from tests.cli.conftest import call
from tests.conftest import MeanEncoder
from tushuo.data import read
from tushuo.errors import SettingError
from tushuo.features.extract import extract
from tushuo.runs.run import read_config
from tushuo.text.tokenization import TokenizerName
from tushuo.training.config import TrainConfig
from tushuo.training.loop import Callbacks
from tushuo.training.options import (
    DataOptions,
    EncoderOptions,
    InitialisationOptions,
    ModelOptions,
    parse_options,
)
from tushuo.training.recipes import RECIPES

SETTINGS = {"epochs": 2, "batch_size": 20, "label_smoothing": 0, "decoder_settings": {"units": 32}}


@pytest.fixture(scope="module")
def store(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assemble") / "store"
    extract(read(scenes), MeanEncoder(), folder)
    return folder


def test_train_equals_the_command(
    scenes: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bit for bit, and with the same messages."""
    flags = ("--epochs", 2, "--batch-size", 20, "--label-smoothing", 0)
    flags = (*flags, "--decoder-settings.units", 32, "--store", store)
    assert call("train", scenes, *flags, "--output", tmp_path / "command") == 0
    printed = capsys.readouterr().err
    messages: list[str] = []
    result = tushuo.train(
        str(scenes),
        store=str(store),
        output=str(tmp_path / "call"),
        callbacks=Callbacks(message=messages.append),
        **SETTINGS,
    )
    assert capsys.readouterr() == ("", "")
    assert [line for line in messages if "epoch " not in line] == [
        line for line in printed.splitlines() if "epoch " not in line
    ]
    assert (result.folder, len(result.epochs), result.stopped) == (tmp_path / "call", 2, False)
    assert result.best in result.epochs
    one, other = (load_file(tmp_path / run / "best.safetensors") for run in ("command", "call"))
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)
    for file in ("run.json", "vocabulary.json", "split.json", "samples/epoch_002.json"):
        contents = [(tmp_path / run / file).read_bytes() for run in ("command", "call")]
        assert contents[0] == contents[1], file
    for file in ("log.csv", "loss.png", "tensorboard"):
        assert (tmp_path / "call" / file).exists(), file


def test_a_stopped_training_is_resumed_by_the_same_call(
    scenes: Path, store: Path, tmp_path: Path
) -> None:
    steps: list[int] = []
    callbacks = Callbacks(step=lambda report: steps.append(report.step), stop=lambda: True)
    output = tmp_path / "run"
    stopped = tushuo.train(scenes, store=store, output=output, callbacks=callbacks, **SETTINGS)
    assert (stopped.stopped, stopped.best, stopped.epochs, steps) == (True, None, [], [1])
    finished = tushuo.train(scenes, store=store, output=output, **SETTINGS)
    assert (finished.stopped, len(finished.epochs)) == (False, 2)


def test_runs_can_be_started_from_and_distilled_on_the_fly(
    scenes: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    """Stages and pictures are reported while regions are computed."""
    stages: Counter[str] = Counter()
    callbacks = Callbacks(progress=lambda stage, done, total: stages.update([stage]))
    options = {"encoder": "efficientnet_lite0", "weights": tiny_weights, "epochs": 1}
    first = tushuo.train(scenes, output=tmp_path / "run", callbacks=callbacks, **options)
    assert stages["open"] == len(read(scenes))
    options |= {"initial_run": first.folder, "encoder_rate": 1e-4, "frozen_blocks": 6}
    second = tushuo.train(scenes, output=tmp_path / "tuned", **options)
    assert read_config(second.folder).encoder.frozen_blocks == 6
    assert json.loads((second.folder / "run.json").read_bytes())["initialized_from"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epohs": 3}, r"epohs is not an option of train \(closest: epochs\)"),
        ({"nonsense": 3}, r"nonsense is not an option of train; see docs/training.md"),
        ({"epochs": "3"}, r"epochs was '3', but must be a whole number"),
        ({"schedule": "linear"}, r"schedule was 'linear', but must be one of constant, cosine"),
        ({"recipe": "large"}, r"recipe was 'large', but must be one of small, best"),
        ({"epochs": 0}, r"epochs"),
        ({"teachers": "run"}, r"teachers was 'run', but must be a list of paths or None"),
        ({"store": "store", "encoder": "inception_v3"}, r"encoder cannot be combined with --store"),
        ({"frozen_blocks": 3, "initial_run": "nowhere"}, r"nowhere is not a run folder"),
    ],
)
def test_wrong_options_are_named(
    scenes: Path, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises((SettingError, tushuo.errors.RunError), match=message):
        tushuo.train(scenes, output=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_each_option_is_declared_once() -> None:
    kinds = (DataOptions, EncoderOptions, ModelOptions, InitialisationOptions, TrainConfig)
    names = Counter(field.name for kind in kinds for field in fields(kind))
    assert set(names.values()) == {1}


def test_every_tokenizer_and_recipe_is_offered() -> None:
    for kind, name, known in (
        (DataOptions, "tokenizer", get_args(TokenizerName)),
        (ModelOptions, "recipe", tuple(RECIPES)),
    ):
        hint = get_type_hints(kind)[name]
        offered = get_args(hint)
        assert (get_args(offered[0]) or offered) == known


def test_options_can_unset_a_choice_of_the_recipe() -> None:
    assert parse_options({"clip_norm": None}).settings == {"clip_norm": None}
