"""A run's weights are refused where they were changed, or do not fit its settings."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MeanEncoder
from tests.test_tensor_files import overwrite
from tests.training.test_train import PLAIN, learn
from tushuo.data import Record
from tushuo.errors import RunError
from tushuo.features.regions import Regions
from tushuo.runs.blend import blend
from tushuo.runs.pack import pack
from tushuo.runs.run import Run
from tushuo.runs.weights import BEST, load_weights
from tushuo.training.loop import LAST, Callbacks

OLD = Path(__file__).parents[1] / "old_files"


@pytest.fixture(scope="module")
def run(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "run"
    regions = Regions.on_the_fly(MeanEncoder(), records)
    learn(records, regions, folder, Callbacks(), replace(PLAIN, epochs=1))
    return folder


@pytest.mark.parametrize("precision", [None, "float16", "int8"])
def test_damaged_weights_are_refused(run: Path, tmp_path: Path, precision: Any) -> None:
    """Of a run and of a packed model, by everything that reads them."""
    folder = tmp_path / "damaged"
    if precision:
        pack(run, folder, precision=precision)
    else:
        shutil.copytree(run, folder)
    Run.load(folder)
    overwrite(folder / BEST)
    sentence = rf"{BEST} is damaged: its content has changed since it was written; restore it"
    for read in (
        lambda: Run.load(folder),
        lambda: pack(folder, tmp_path / "model", precision="int8"),
        lambda: blend(folder, run, tmp_path / "between", share=0.5),
    ):
        with pytest.raises(RunError, match=sentence):
            read()


def test_a_damaged_checkpoint_is_not_resumed(
    run: Path, records: list[Record], tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "run")
    overwrite(tmp_path / "run" / LAST)
    regions = Regions.on_the_fly(MeanEncoder(), records)
    settings = replace(PLAIN, epochs=1)
    with pytest.raises(RunError, match=r"cannot be resumed from .*changed since it was written"):
        learn(records, regions, tmp_path / "run", Callbacks(), settings)


def changed(folder: Path, copy: Path, part: str, name: str, value: object) -> Path:
    """Copy a run folder with another value in a part of its run.json."""
    shutil.copytree(folder, copy)
    settings = json.loads((copy / "run.json").read_bytes())
    settings[part][name] = value
    (copy / "run.json").write_text(json.dumps(settings))
    return copy


@pytest.mark.parametrize(
    ("part", "name", "value"), [("encoder", "width", 7), ("decoder_settings", "units", 8)]
)
def test_settings_of_another_size_are_one_sentence(
    run: Path, tmp_path: Path, part: str, name: str, value: int
) -> None:
    folder = changed(run, tmp_path / "run", part, name, value)
    with pytest.raises(RunError, match=r"does not fit the settings in run\.json: ") as caught:
        Run.load(folder)
    message = str(caught.value)
    assert "numbers, the settings require" in message
    assert "restore both files of the same run" in message
    assert "\n" not in message
    assert len(message) < 400


def test_settings_of_another_layout_are_one_sentence(run: Path, tmp_path: Path) -> None:
    folder = changed(run, tmp_path / "run", "decoder_settings", "output", "deep")
    with pytest.raises(RunError, match=r"is (missing|not among the decoder weights); restore"):
        Run.load(folder)


def test_a_newer_run_says_so(run: Path, tmp_path: Path) -> None:
    """Whatever else it has, which this version may not understand."""
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text('{"format": 3, "encoder": "another form"}')
    with pytest.raises(RunError, match="has format 3, this version of tushuo reads 1 to 2; inst"):
        Run.load(tmp_path / "run")


def test_runs_made_before_have_no_checksum_and_load() -> None:
    decoder = Run.load(OLD / "transformer").decoder
    assert load_weights(OLD / "transformer", decoder) == {}
