"""Training: resume is exact, settings are fixed, errors are named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.conftest import MeanEncoder
from tushuo.data import Record
from tushuo.decoders.base import Decoder
from tushuo.errors import DataError, RunError, SettingError, SignatureError
from tushuo.features.extract import extract
from tushuo.features.regions import Regions
from tushuo.metrics.reward import Reward
from tushuo.runs.run import Run
from tushuo.training.batches import Example, epoch_order
from tushuo.training.checkpoint import EpochRow
from tushuo.training.config import TrainConfig
from tushuo.training.loop import Callbacks, fit
from tushuo.training.plan import TrainingPlan, inherit_settings
from tushuo.training.setup import prepare_training


class Killed(Exception):
    pass


@pytest.fixture
def store(records: list[Record], tmp_path: Path) -> Regions:
    extract(records, MeanEncoder(), tmp_path / "store")
    return Regions.from_store(tmp_path / "store")


PLAIN = TrainConfig(epochs=3, batch_size=30, learning_rate=3e-3)
REGULARISED = replace(
    PLAIN,
    warm_up=0.5,
    schedule="cosine",
    weight_decay=0.01,
    label_smoothing=0.1,
    word_dropout=0.2,
    region_dropout=0.1,
    average=0.9,
    best_by="cider",
)
ATTENTIVE = replace(REGULARISED, doubly_stochastic=1.0, scheduled_sampling=0.5)
ONCE = replace(PLAIN, epochs=1)
SELF_CRITICAL = replace(PLAIN, learning_rate=1e-4, samples=3, average=0.9)


def bias(decoder: Decoder) -> float:
    """Stand in for CIDEr: any number that depends on the weights."""
    return 1 + next(decoder.parameters()).detach().mean().item()


def learn(
    records: list[Record],
    store: Regions,
    folder: Path,
    callbacks: Callbacks,
    training: TrainConfig = PLAIN,
    validate: Callable[[Decoder], float] = bias,
) -> list[EpochRow]:
    plan = TrainingPlan(
        decoder_settings={"embedding": 16, "units": 32, "dropout": 0.3}, training=training
    )
    initial_run = Run.load(folder.parent / "initial") if training.samples else None
    if initial_run:
        plan = inherit_settings(plan, initial_run, {})
    setup = prepare_training(records, store, folder, plan, initial_run=initial_run)
    return fit(
        setup.decoder,
        setup.training,
        setup.validation,
        store.read,
        training,
        folder,
        replace(callbacks, validate=validate),
        Reward([[ids[1:] for ids in example.captions] for example in setup.training], bleu=0.5),
    )


@pytest.mark.parametrize(
    ("training", "at"),
    [
        (PLAIN, 2),
        (PLAIN, 6),
        (PLAIN, 9),
        (REGULARISED, 6),
        (REGULARISED, 7),
        (ATTENTIVE, 7),
        (SELF_CRITICAL, 7),
    ],
)
def test_a_killed_and_resumed_run_has_the_same_weights(
    records: list[Record], store: Regions, tmp_path: Path, training: TrainConfig, at: int
) -> None:
    if training.samples:
        learn(records, store, tmp_path / "initial", Callbacks())
    whole = learn(records, store, tmp_path / "whole", Callbacks(), training)
    steps = 0

    def kill(report: object) -> None:
        nonlocal steps
        steps += 1
        if steps == at:
            raise Killed

    often = Callbacks(save_every_seconds=0.0)
    with pytest.raises(Killed):
        learn(records, store, tmp_path / "killed", replace(often, step=kill), training)
    resumed = learn(records, store, tmp_path / "killed", often, training)
    for name in ("last.safetensors", "best.safetensors"):
        first, second = (load_file(tmp_path / run / name) for run in ("whole", "killed"))
        assert first.keys() == second.keys()
        assert all(first[key].equal(second[key]) for key in first), name
    assert [replace(r, seconds=0.0) for r in whole] == [replace(r, seconds=0.0) for r in resumed]


def test_a_stopped_training_is_saved_and_the_loss_falls(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    assert learn(records, store, tmp_path / "run", Callbacks(stop=lambda: True)) == []
    rows = learn(records, store, tmp_path / "run", Callbacks())
    assert rows[-1].train_loss < rows[0].train_loss
    assert Run.load(tmp_path / "run").config.store == store.signature


def test_different_settings_in_the_same_folder_are_refused(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "run", Callbacks(), ONCE)
    learn(records, store, tmp_path / "other", Callbacks(), replace(ONCE, seed=1))
    one, other = (Run.load(tmp_path / name).config.signature for name in ("run", "other"))
    assert one != other  # or scores of two trainings could not be distinguished
    with pytest.raises(RunError, match=r"training.epochs: 1 there, 2 now"):
        learn(records, store, tmp_path / "run", Callbacks(), replace(ONCE, epochs=2))


def test_a_run_without_newer_settings_is_resumed(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "run", Callbacks(), ONCE)
    path = tmp_path / "run" / "run.json"
    content = json.loads(path.read_bytes())
    for name in ("average", "best_by", "samples"):
        del content["training"][name]
    del content["initialized_from"]
    path.write_text(json.dumps(content))
    assert len(learn(records, store, tmp_path / "run", Callbacks(), ONCE)) == 1
    with pytest.raises(RunError, match=r"training.average: 0.0 there, 0.5 now"):
        learn(records, store, tmp_path / "run", Callbacks(), replace(ONCE, average=0.5))


def test_a_run_without_newer_decoder_settings_is_resumed(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path, Callbacks())
    path = tmp_path / "run.json"
    content = json.loads(path.read_bytes())
    for name in ("output", "attention", "gate"):
        del content["decoder_settings"][name]
    path.write_text(json.dumps(content))
    assert len(learn(records, store, tmp_path, Callbacks())) == PLAIN.epochs


def test_resuming_an_older_run_adds_word_counts(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "run", Callbacks(), ONCE)
    counts = Run.load(tmp_path / "run").vocabulary.counts
    assert counts is not None
    assert counts.pictures == sum(record.split == "train" for record in records)
    assert 0 < max(counts.words.values()) <= counts.pictures
    (tmp_path / "run" / "frequencies.json").unlink()
    assert Run.load(tmp_path / "run").vocabulary.counts is None
    assert len(learn(records, store, tmp_path / "run", Callbacks(), ONCE)) == 1
    assert Run.load(tmp_path / "run").vocabulary.counts == counts


def test_a_run_with_another_vocabulary_is_refused(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "run", Callbacks(), ONCE)
    vocabulary = tmp_path / "run" / "vocabulary.json"
    vocabulary.write_text(vocabulary.read_text().replace('"boats"', '"ships"'))
    with pytest.raises(RunError, match="same run"):
        Run.load(tmp_path / "run")


def test_damaged_weights_are_named(records: list[Record], store: Regions, tmp_path: Path) -> None:
    learn(records, store, tmp_path / "run", Callbacks(), ONCE)
    weights = tmp_path / "run" / "best.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    with pytest.raises(RunError, match=r"is damaged: .*; restore it from a copy"):
        Run.load(tmp_path / "run")
    weights.unlink()
    with pytest.raises(RunError, match="no weights yet"):
        Run.load(tmp_path / "run")
    with pytest.raises(RunError, match="not a run folder"):
        Run.load(tmp_path)


def test_the_order_of_an_epoch_repeats_and_epochs_differ() -> None:
    examples, config = [Example(n, [[1, 2]] * 5) for n in range(50)], TrainConfig(batch_size=20)
    first = epoch_order(examples, config, epoch=0)
    assert first == epoch_order(examples, config, epoch=0)
    assert first != epoch_order(examples, config, epoch=1)
    assert sorted(index for batch in first for index in batch) == list(range(50))
    assert {len(batch) for batch in first} <= {4, 2}
    assert epoch_order(examples, replace(config, epoch_steps=3), epoch=0) == first[:3]


def test_missing_requirements_are_named(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="requires a trained run"):
        prepare_training(records, store, tmp_path / "run", TrainingPlan(training=SELF_CRITICAL))
    plan = TrainingPlan(decoder="transformer", training=ATTENTIVE)
    with pytest.raises(SettingError, match=r"Transformer does not; .* train show_attend_gru"):
        prepare_training(records, store, tmp_path / "run", plan)
    assert not (tmp_path / "run").exists()
    plan = TrainingPlan(training=REGULARISED)
    setup = prepare_training(records, store, tmp_path / "run", plan)
    parts = (setup.decoder, setup.training, setup.validation, store.read)
    with pytest.raises(SettingError, match=r"requires Callbacks\.validate"):
        fit(*parts, REGULARISED, tmp_path / "run", Callbacks())
    with pytest.raises(SettingError, match="requires a reward"):
        fit(*parts, SELF_CRITICAL, tmp_path / "run", Callbacks())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "epochs must be above 0 and finite, got 0"),
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1, got 1.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0 and finite, got nan"),
        ({"warm_up": -1.0}, "warm_up must be at least 0 and finite, got -1.0"),
        ({"doubly_stochastic": -1.0}, "doubly_stochastic must be at least 0 and finite, got -1.0"),
        (
            {"doubly_stochastic": 1.0, "samples": 5},
            "leave doubly_stochastic out",
        ),
        (
            {"label_smoothing": 0.1, "samples": 5},
            r"label_smoothing 0.1 applies to cross-entropy training only, not .*\(--samples 5\)",
        ),
        ({"word_dropout": 0.1, "samples": 5}, "word_dropout 0.1 applies to cross-entropy"),
        (
            {"scheduled_sampling": 0.1, "samples": 5},
            "scheduled_sampling 0.1 applies to cross",
        ),
        ({"bleu_weight": 1.0}, "bleu_weight 1.0 applies to self-critical training only"),
        ({"samples": 1}, "samples must be at least 2, .*; got 1"),
    ],
)
def test_invalid_settings_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        TrainConfig(**setting)


def test_a_split_without_pictures_is_named(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    """The data may lack them, or the store, and the advice differs."""
    training = [record for record in records if record.split == "train"]
    message = rf"none of {len(training)} pictures is in the val split and has captions; add"
    with pytest.raises(DataError, match=message):
        prepare_training(training, store, tmp_path / "run", TrainingPlan())
    partial = replace(store, rows={r.image_id: store.rows[r.image_id] for r in training})
    with pytest.raises(
        DataError, match=r"of the val split has regions, though \d+ other pictures do"
    ):
        prepare_training(records, partial, tmp_path / "run", TrainingPlan())


def test_an_initial_run_that_does_not_fit_is_refused(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "initial", Callbacks(), ONCE)
    initial_run = Run.load(tmp_path / "initial")
    with pytest.raises(SettingError, match="min_count cannot be combined with --from"):
        inherit_settings(TrainingPlan(), initial_run, {"min_count": 4})
    other = replace(store, spec=replace(store.spec, side=64))
    plan = inherit_settings(TrainingPlan(), initial_run, {})
    with pytest.raises(SignatureError, match="side: 32 against 64"):
        prepare_training(records, other, tmp_path / "run", plan, initial_run=initial_run)
    larger = replace(plan, decoder_settings=plan.decoder_settings | {"units": 64})
    with pytest.raises(SettingError, match="differ in size from those of"):
        prepare_training(records, store, tmp_path / "larger", larger, initial_run=initial_run)
    swapped = [replace(r, split="val" if r.split == "train" else "train") for r in records]
    with pytest.raises(DataError, match="scores on them would be too high"):
        prepare_training(swapped, store, tmp_path / "run", plan, initial_run=initial_run)
