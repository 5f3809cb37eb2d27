"""Training: resume is exact, settings are held, the run speaks."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.conftest import MeanEncoder
from tushuo.data import Record
from tushuo.errors import RunError
from tushuo.features.extract import extract
from tushuo.features.regions import Regions
from tushuo.run import Run
from tushuo.train.checkpoint import EpochRow
from tushuo.train.loop import TrainConfig, Watcher, fit
from tushuo.train.start import LearnConfig, start


class Killed(Exception):
    pass


@pytest.fixture
def store(records: list[Record], tmp_path: Path) -> Regions:
    extract(records, MeanEncoder(), tmp_path / "store")
    return Regions.from_store(tmp_path / "store")


def learn(
    records: list[Record], store: Regions, folder: Path, watcher: Watcher, epochs: int = 3
) -> list[EpochRow]:
    config = LearnConfig(
        decoder_settings={"embedding": 16, "units": 32, "dropout": 0.3},
        training=TrainConfig(epochs=epochs, batch_size=30, learning_rate=3e-3),
    )
    lesson = start(records, store, folder, config)
    return fit(
        lesson.decoder,
        lesson.training,
        lesson.validation,
        store.read,
        config.training,
        folder,
        watcher,
    )


@pytest.mark.parametrize("at", [2, 6, 9])
def test_a_killed_run_ends_with_the_same_weights(
    records: list[Record], store: Regions, tmp_path: Path, at: int
) -> None:
    whole = learn(records, store, tmp_path / "whole", Watcher())
    seen = 0

    def kill(moment: object) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            raise Killed

    with pytest.raises(Killed):
        learn(records, store, tmp_path / "killed", Watcher(step=kill, save_every_seconds=0.0))
    again = learn(records, store, tmp_path / "killed", Watcher(save_every_seconds=0.0))
    for name in ("last.safetensors", "best.safetensors"):
        first, second = (load_file(tmp_path / run / name) for run in ("whole", "killed"))
        assert first.keys() == second.keys()
        assert all(first[key].equal(second[key]) for key in first), name
    assert [(r.train_loss, r.val_loss) for r in whole] == [
        (r.train_loss, r.val_loss) for r in again
    ]


def test_stop_saves_and_the_loss_falls(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    assert learn(records, store, tmp_path / "run", Watcher(stop=lambda: True)) == []
    rows = learn(records, store, tmp_path / "run", Watcher())
    assert rows[-1].train_loss < rows[0].train_loss
    assert Run.load(tmp_path / "run").config.store == store.signature


def test_other_settings_in_the_same_folder_are_refused(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "run", Watcher(), epochs=1)
    with pytest.raises(RunError, match=r"training.epochs: 1 there, 2 now"):
        learn(records, store, tmp_path / "run", Watcher(), epochs=2)


def test_a_run_of_another_vocabulary_is_refused(
    records: list[Record], store: Regions, tmp_path: Path
) -> None:
    learn(records, store, tmp_path / "run", Watcher(), epochs=1)
    vocabulary = tmp_path / "run" / "vocabulary.json"
    vocabulary.write_text(vocabulary.read_text().replace('"boats"', '"ships"'))
    with pytest.raises(RunError, match="same run"):
        Run.load(tmp_path / "run")


def test_damaged_weights_are_named(records: list[Record], store: Regions, tmp_path: Path) -> None:
    learn(records, store, tmp_path / "run", Watcher(), epochs=1)
    weights = tmp_path / "run" / "best.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    with pytest.raises(RunError, match="does not fit"):
        Run.load(tmp_path / "run")
    weights.unlink()
    with pytest.raises(RunError, match="no weights yet"):
        Run.load(tmp_path / "run")
    with pytest.raises(RunError, match="not a run folder"):
        Run.load(tmp_path)


def test_order_repeats_and_differs_by_epoch(records: list[Record]) -> None:
    from tushuo.train.batches import Example, epoch_order

    examples = [Example(n, [[1, 2]] * 5) for n in range(50)]
    first = epoch_order(examples, 20, seed=0, epoch=0)
    assert first == epoch_order(examples, 20, seed=0, epoch=0)
    assert first != epoch_order(examples, 20, seed=0, epoch=1)
    assert sorted(place for batch in first for place in batch) == list(range(50))
    assert {len(batch) for batch in first} <= {4, 2}
