"""Runs, stores, checkpoints and results that an older version wrote are read as they were meant."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from tests.cli.conftest import call
from tests.conftest import MeanEncoder
from tushuo.captioning.native import NativeCaptioner
from tushuo.decoders import build
from tushuo.encoders.split_encoder import weights_hash
from tushuo.evaluation.results import read_deletion_test, read_results
from tushuo.features.regions import Regions
from tushuo.features.store import FeatureStore
from tushuo.runs.run import Run, read_config
from tushuo.training.checkpoint import load_checkpoint
from tushuo.training.distillation import Teachers
from tushuo.training.weight_average import WeightAverage

OLD = Path(__file__).parent / "old_files"
EXPECTED: dict[str, Any] = json.loads((OLD / "expected.json").read_bytes())
RUNS = [name for name in EXPECTED if name != "regions"]


@pytest.mark.parametrize("name", RUNS)
def test_an_old_run_gives_its_captions(name: str) -> None:
    captioner = NativeCaptioner(Run.load(OLD / name), MeanEncoder())
    assert captioner.signature() == EXPECTED[name]["signature"]
    captions = captioner.caption_regions(torch.tensor(EXPECTED["regions"]))
    for caption, expected in zip(captions, EXPECTED[name]["captions"], strict=True):
        assert caption.text == expected["text"]
        assert caption.log_probs == pytest.approx(expected["log_probs"], abs=1e-4)
        assert caption.confidence == pytest.approx(expected["confidence"], abs=1e-4)
        assert caption.familiarity == expected["familiarity"]


def test_old_settings_have_their_new_names() -> None:
    config = read_config(OLD / "show_attend_gru")
    assert (config.format, config.tokenizer) == (2, "words")
    search = config.search
    assert (search.mbr_samples, search.length_norm, search.genericness_penalty) == (6, "gnmt", 0.01)
    assert (search.no_repeat_ngram, search.no_immediate_repeat) == (3, True)
    assert search.banned_endings == ("a",)


@pytest.mark.parametrize("name", ["show_attend_gru", "transformer"])
def test_an_old_checkpoint_is_resumed(name: str) -> None:
    config = read_config(OLD / name)
    model = build(
        config.decoder,
        config.decoder_settings,
        width=3,
        vocabulary=len(Run.load(OLD / name).vocabulary),
    )
    average, optimizer = WeightAverage(model, 0.9), torch.optim.AdamW(model.parameters())
    progress = load_checkpoint(OLD / name / "last.safetensors", model, optimizer, average)
    assert progress.epoch == len(progress.rows) > 1
    with safe_open(OLD / name / "last.safetensors", "pt") as file:
        stored = [file.get_tensor(key) for key in file.keys() if key.startswith("model.")]  # noqa: SIM118
    assert sum(w.double().sum() for w in model.state_dict().values()).item() == pytest.approx(
        sum(w.double().sum() for w in stored).item()
    )


@pytest.mark.parametrize("name", ["show_attend_gru", "top_down", "transformer"])
def test_a_distillation_by_an_old_run_is_resumed(name: str) -> None:
    """Signatures of teachers hash the parameters' names: those that the file has."""
    weights = load_file(OLD / name / "best.safetensors")
    regions = Regions.from_store(OLD / "store", [])
    teachers = Teachers([Run.load(OLD / name)], regions, 0.5)
    assert teachers.signature == f"teachers:{weights_hash(weights)}|weight:0.5"


def test_an_old_store_is_read() -> None:
    store = FeatureStore.open(OLD / "store")
    store.require_finished()
    assert (store.header.format, store.spec) == (2, MeanEncoder.spec)
    assert read_config(OLD / "show_attend_gru").store == store.signature()


def test_old_results_are_read() -> None:
    results = read_results(OLD / "results")
    assert results.diagnostics["different"] > 0
    assert results.run is not None
    assert results.run["tokenizer"] == "words"
    test = read_deletion_test(OLD / "results", results.signature)
    assert test is not None
    (first, *_) = test.hidden
    assert [asdict(one)["mask"] for one in first.drops] == ["own", "other", "moved", "random"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evidence", "data"], "evidence is now called deletion-test"),
        (["caption", "a.jpg", "--must", "dog"], "--must of caption is now called --required-words"),
        (
            ["evaluate", "data", "--language=zh"],
            "--language of evaluate is now called --data-language",
        ),
        (["train", "data", "--split", "jieba"], "--split of train is now called --tokenizer"),
        (["data", "check", "data", "--language", "zh"], "is now called --data-language"),
    ],
)
def test_old_options_name_the_new_ones(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    assert message in capsys.readouterr().err
