"""Views: their pixels, names, stores, and draws in training."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import MeanEncoder
from tests.training.test_train import PLAIN, learn
from tushuo.data import Record
from tushuo.errors import SettingError, StoreError
from tushuo.features.extract import extract
from tushuo.features.regions import Regions
from tushuo.features.store import FeatureStore
from tushuo.features.views import VIEWS, choose_views, parse_views
from tushuo.runs.run import Run
from tushuo.training.batches import Example
from tushuo.training.loop import Callbacks
from tushuo.training.plan import TrainingPlan
from tushuo.training.setup import prepare_training


def test_views_of_a_picture() -> None:
    picture = np.arange(20 * 10 * 3, dtype=np.uint8).reshape(20, 10, 3)
    assert (VIEWS["flip"](picture)[:, 0] == picture[:, -1]).all()
    assert (VIEWS["crop"](picture) == picture[2:18, 1:9]).all()
    assert (VIEWS["flip_crop"](picture)[:, 0] == picture[2:18, 8]).all()
    assert (VIEWS["top_left"](picture) == picture[:16, :8]).all()
    assert (VIEWS["bottom_right"](picture) == picture[4:, 2:]).all()
    assert (VIEWS["flip_bottom_left"](picture)[:, 0] == picture[4:, 7]).all()
    assert len({view(picture).tobytes() for view in VIEWS.values()}) == len(VIEWS)


def test_a_store_of_views(records: list[Record], tmp_path: Path) -> None:
    """Mean colours of cells are mirrored with the picture, so the flipped view is known exactly."""
    done = extract(records, MeanEncoder(), tmp_path, views=parse_views("flip"), shard_pictures=9)
    assert done.encoded == 40
    regions = Regions.from_store(tmp_path)
    assert regions.views == ("plain", "flip")
    assert regions.signature.endswith("|views:plain+flip")
    rows = list(range(40))
    plain, flip = regions.read(rows), regions.read(rows, [1] * 40)
    mirrored = plain.reshape(40, 4, 4, 3).flip(2).reshape(40, 16, 3)
    assert (flip - mirrored).abs().max() < 0.02
    assert not plain.equal(flip)
    on_the_fly = Regions.on_the_fly(MeanEncoder(), records, views=("plain", "flip"))
    difference = on_the_fly.read(rows, [0, 1] * 20) - regions.read(rows, [0, 1] * 20)
    assert difference.abs().max() < 2**-11  # float16 rounds numbers up to 1 by 2 ** -12
    with pytest.raises(StoreError, match=r"40 pictures \(plain, flip\).* 40 pictures \(plain\)"):
        extract(records, MeanEncoder(), tmp_path)


def test_a_store_without_view_names_has_the_plain_view(
    records: list[Record], tmp_path: Path
) -> None:
    extract(records, MeanEncoder(), tmp_path)
    signature = FeatureStore.open(tmp_path).signature()
    header = json.loads((tmp_path / "store.json").read_bytes())
    del header["view_names"]
    (tmp_path / "store.json").write_text(json.dumps(header))
    assert FeatureStore.open(tmp_path).views == ("plain",)
    assert FeatureStore.open(tmp_path).signature() == signature
    assert extract(records, MeanEncoder(), tmp_path).encoded == 0


def test_views_are_parsed_and_chosen_by_name() -> None:
    assert parse_views(None) == ("plain",)
    assert parse_views("crop, flip,plain") == ("plain", "crop", "flip")
    assert parse_views("every") == tuple(VIEWS)
    assert choose_views("every", tuple(VIEWS)) == list(range(len(VIEWS)))
    with pytest.raises(SettingError, match="view 'flop' is unknown; known: plain, flip, crop"):
        parse_views("flop")
    assert choose_views(None, ("plain", "flip")) == [0, 1]
    assert choose_views("flip", ("plain", "flip")) == [1]
    with pytest.raises(SettingError, match=r"must name views of the regions \(plain\), got 'flip'"):
        choose_views("flip", ("plain",))


def test_views_are_drawn_uniformly_and_reproducibly() -> None:
    examples = [Example(row, [[1, 2]], (0, 1, 2)) for row in range(300)]
    first = [example.view(0, 0) for example in examples]
    assert first == [example.view(0, 0) for example in examples]
    assert first != [example.view(0, 1) for example in examples]
    counts = Counter(example.view(0, epoch) for example in examples for epoch in range(10))
    assert all(900 < counts[view] < 1100 for view in range(3))
    assert {Example(5, [], (2,)).view(0, epoch) for epoch in range(5)} == {2}


def test_captions_that_mention_a_side_are_never_mirrored(
    records: list[Record], tmp_path: Path
) -> None:
    extract(records, MeanEncoder(), tmp_path / "store", views=("plain", "flip", "crop"))
    regions = Regions.from_store(tmp_path / "store")
    sided = [replace(records[0], captions=("a dog at the left", "a dog")), *records[1:]]
    setup = prepare_training(sided, regions, tmp_path / "run", TrainingPlan())
    views_by_row = {example.row: example.views for example in setup.training}
    assert views_by_row.pop(regions.rows[records[0].image_id]) == (0, 2)
    assert set(views_by_row.values()) == {(0, 1, 2)}


def test_training_draws_views_and_evaluation_does_not(
    records: list[Record], tmp_path: Path
) -> None:
    extract(records, MeanEncoder(), tmp_path / "store", views=("plain", "flip"))
    read_views: list[list[int] | None] = []
    regions = Regions.from_store(tmp_path / "store")

    def read(rows: list[int], views: list[int] | None = None) -> object:
        read_views.append(views)
        return regions.read(rows, views)

    learn(records, replace(regions, read=read), tmp_path / "run", Callbacks(), PLAIN)
    drawn = Counter(view for views in read_views if views for view in views)
    assert min(drawn[0], drawn[1]) > 20
    assert None in read_views
    assert Run.load(tmp_path / "run").config.store.endswith("|views:plain+flip")
