"""Training: resume is exact, settings are held, the run speaks."""

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
    """Stand for CIDEr: any number that the weights decide."""
    return 1 + next(decoder.parameters()).detach().mean().item()


def learn(
    records: list[Record],
    store: Regions,
    folder: Path,
    callbacks: Callbacks,
    training: TrainConfig = PLAIN,
    validate: Callable[[Decoder], float] = bias,
) -> list[EpochRow]:
    config = TrainingPlan(
        decoder_settings={"embedding": 16, "units": 32, "dropout": 0.3}, training=training
    )
    before = Run.load(folder.parent / "before") if training.samples else None
    if before:
        config = inherit_settings(config, before, {})
    setup = prepare_training(records, store, folder, config, initial_run=before)
    return fit(
        setup.decoder,
        setup.training,
        setup.validation,
        store.read,
        config.training,
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
def test_a_killed_run_ends_with_the_same_weights(
    records: list[Record], store: Regions, tmp_path: Path, training: TrainConfig, at: int
) -> None:
    if training.samples:
        learn(records, store, tmp_path / "before", Callbacks())
    whole = learn(records, store, tmp_path / "whole", Callbacks(), training)
    seen = 0

    def kill(moment: object) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            raise Killed

    often = Callbacks(save_every_seconds=0.0)
    with pytest.raises(Killed):
        learn(records, store, tmp_path / "killed", replace(often, step=kill), training)
    again = learn(records, store, tmp_path / "killed", often, training)
    for name in ("last.safetensors", "best.safetensors"):
        first, second = (load_file(tmp_path / run / name) for run in ("whole", "killed"))
        assert first.keys() == second.keys()
        assert all(first[key].equal(second[key]) for key in first), name
    assert [replace(r, seconds=0.0) for r in whole] == [replace(r, seconds=0.0) for r in again]


def test_stop_saves_and_the_loss_falls(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    assert learn(records, store, tmp_path / "run", Callbacks(stop=lambda: True)) == []
    rows = learn(records, store, tmp_path / "run", Callbacks())
    assert rows[-1].train_loss < rows[0].train_loss
    assert Run.load(tmp_path / "run").config.store == store.signature


def test_other_settings_in_the_same_folder_are_refused(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "run", Callbacks(), ONCE)
    learn(records, store, tmp_path / "other", Callbacks(), replace(ONCE, seed=1))
    one, other = (Run.load(tmp_path / name).config.signature for name in ("run", "other"))
    assert one != other  # or scores of two trainings could not be told apart
    with pytest.raises(RunError, match=r"training.epochs: 1 there, 2 now"):
        learn(records, store, tmp_path / "run", Callbacks(), replace(ONCE, epochs=2))


def test_a_run_from_before_there_were_such_settings_is_gone_on_with(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "run", Callbacks(), ONCE)
    path = tmp_path / "run" / "run.json"
    told = json.loads(path.read_bytes())
    for name in ("average", "best_by", "samples"):
        del told["training"][name]
    del told["initialized_from"]
    path.write_text(json.dumps(told))
    assert len(learn(records, store, tmp_path / "run", Callbacks(), ONCE)) == 1
    with pytest.raises(RunError, match=r"training.average: 0.0 there, 0.5 now"):
        learn(records, store, tmp_path / "run", Callbacks(), replace(ONCE, average=0.5))


def test_an_older_run_that_names_fewer_settings_of_its_decoder_goes_on(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path, Callbacks())
    path = tmp_path / "run.json"
    made = json.loads(path.read_bytes())
    for name in ("output", "attention", "gate"):
        del made["decoder_settings"][name]
    path.write_text(json.dumps(made))
    assert len(learn(records, store, tmp_path, Callbacks())) == PLAIN.epochs


def test_the_same_command_tells_an_older_run_how_common_words_are(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "run", Callbacks(), ONCE)
    told = Run.load(tmp_path / "run").vocabulary.counts
    assert told is not None
    assert told.pictures == sum(record.split == "train" for record in records)
    assert 0 < max(told.words.values()) <= told.pictures
    (tmp_path / "run" / "frequencies.json").unlink()
    assert Run.load(tmp_path / "run").vocabulary.counts is None
    assert len(learn(records, store, tmp_path / "run", Callbacks(), ONCE)) == 1
    assert Run.load(tmp_path / "run").vocabulary.counts == told


def test_a_run_of_another_vocabulary_is_refused(
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
    with pytest.raises(RunError, match="does not fit"):
        Run.load(tmp_path / "run")
    weights.unlink()
    with pytest.raises(RunError, match="no weights yet"):
        Run.load(tmp_path / "run")
    with pytest.raises(RunError, match="not a run folder"):
        Run.load(tmp_path)


def test_order_repeats_and_differs_by_epoch() -> None:
    examples, config = [Example(n, [[1, 2]] * 5) for n in range(50)], TrainConfig(batch_size=20)
    first = epoch_order(examples, config, epoch=0)
    assert first == epoch_order(examples, config, epoch=0)
    assert first != epoch_order(examples, config, epoch=1)
    assert sorted(place for batch in first for place in batch) == list(range(50))
    assert {len(batch) for batch in first} <= {4, 2}
    assert epoch_order(examples, replace(config, epoch_steps=3), epoch=0) == first[:3]


def test_what_is_missing_is_said(records: list[Record], store: Regions, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="requires a trained run"):
        prepare_training(records, store, tmp_path / "run", TrainingPlan(training=SELF_CRITICAL))
    config = TrainingPlan(decoder="transformer", training=ATTENTIVE)
    with pytest.raises(SettingError, match=r"Transformer does not; .* train show_attend_gru"):
        prepare_training(records, store, tmp_path / "run", config)
    assert not (tmp_path / "run").exists()
    config = TrainingPlan(training=REGULARISED)
    setup = prepare_training(records, store, tmp_path / "run", config)
    parts = (setup.decoder, setup.training, setup.validation, store.read)
    with pytest.raises(SettingError, match="no captions to score"):
        fit(*parts, REGULARISED, tmp_path / "run", Callbacks())
    with pytest.raises(SettingError, match="no reward judges"):
        fit(*parts, SELF_CRITICAL, tmp_path / "run", Callbacks())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "epochs was 0, it must be above 0"),
        ({"label_smoothing": 1.0}, "label_smoothing was 1.0, it must be at least 0 and below 1"),
        ({"learning_rate": float("nan")}, "learning_rate was nan, it must be above 0 and finite"),
        ({"warm_up": -1.0}, "warm_up was -1.0, it must be at least 0"),
        ({"doubly_stochastic": -1.0}, "doubly_stochastic was -1.0, it must be at least 0"),
        ({"doubly_stochastic": 1.0, "samples": 5}, "self_critical and leave doubly_stochastic out"),
        (
            {"label_smoothing": 0.1, "samples": 5},
            "label_smoothing was 0.1 with samples 5, but only",
        ),
        ({"word_dropout": 0.1, "samples": 5}, "word_dropout was 0.1 with samples 5"),
        ({"scheduled_sampling": 0.1, "samples": 5}, "scheduled_sampling was 0.1 with samples 5"),
        ({"bleu_weight": 1.0}, "bleu_weight was 1.0, but no caption is rewarded"),
        ({"samples": 1}, "each is judged by the others"),
    ],
)
def test_settings_that_cannot_be(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        TrainConfig(**setting)


def test_a_split_without_pictures_is_named(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    """Whether the data lacks them or the store: what to do differs."""
    training = [record for record in records if record.split == "train"]
    told = rf"none of {len(training)} pictures is in the val split and has captions; add pictures"
    with pytest.raises(DataError, match=told):
        prepare_training(training, store, tmp_path / "run", TrainingPlan())
    seen = replace(store, rows={r.image_id: store.rows[r.image_id] for r in training})
    with pytest.raises(
        DataError, match=r"of the val split has regions, though \d+ other pictures do"
    ):
        prepare_training(records, seen, tmp_path / "run", TrainingPlan())


def test_going_on_with_another_s_words_is_refused(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "before", Callbacks(), ONCE)
    before = Run.load(tmp_path / "before")
    with pytest.raises(SettingError, match="min_count cannot be combined with --from"):
        inherit_settings(TrainingPlan(), before, {"min_count": 4})
    other = replace(store, spec=replace(store.spec, side=64))
    config = inherit_settings(TrainingPlan(), before, {})
    with pytest.raises(SignatureError, match="side: 32 against 64"):
        prepare_training(records, other, tmp_path / "run", config, initial_run=before)
    larger = replace(config, decoder_settings=config.decoder_settings | {"units": 64})
    with pytest.raises(SettingError, match="differ in size from those of"):
        prepare_training(records, store, tmp_path / "larger", larger, initial_run=before)
    turned = [replace(r, split="val" if r.split == "train" else "train") for r in records]
    with pytest.raises(DataError, match="scores on them would be too high"):
        prepare_training(turned, store, tmp_path / "run", config, initial_run=before)
