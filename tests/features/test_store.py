"""The feature store: resumable, verified, never read half-written."""

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import MeanEncoder
from tushuo.data import Record
from tushuo.errors import SignatureError, StoreError
from tushuo.features.extract import extract
from tushuo.features.regions import Regions
from tushuo.features.store import FeatureStore


class Killed(Exception):
    pass


def test_extracted_regions_can_be_read(records: list[Record], tmp_path: Path) -> None:
    done = extract(records, MeanEncoder(), tmp_path, shard_pictures=16)
    store = FeatureStore.open(str(tmp_path))
    assert (done.pictures, done.encoded, done.failed) == (40, 40, {})
    assert store.read([39, 0, 17]).shape == (3, 16, 3)
    assert len(store.rows()) == 40


def test_a_killed_extraction_resumes_without_repeating_finished_shards(
    records: list[Record], tmp_path: Path
) -> None:
    def kill(done: int, total: int) -> None:
        if done > 20:
            raise Killed

    with pytest.raises(Killed):
        extract(records, MeanEncoder(), tmp_path / "killed", shard_pictures=8, progress=kill)
    with pytest.raises(StoreError, match="not finished"):
        FeatureStore.open(tmp_path / "killed").require_finished()
    resumed = extract(records, MeanEncoder(), tmp_path / "killed", shard_pictures=8)
    extract(records, MeanEncoder(), tmp_path / "whole", shard_pictures=8)
    assert resumed.encoded == 24
    killed, whole = FeatureStore.open(tmp_path / "killed"), FeatureStore.open(tmp_path / "whole")
    assert killed.signature() == whole.signature()
    assert killed.read(range(40)).equal(whole.read(range(40)))


def test_processes_share_the_shards(records: list[Record], tmp_path: Path) -> None:
    for process in (0, 1):
        encoded = extract(
            records, MeanEncoder(), tmp_path, process=process, processes=2, shard_pictures=8
        ).encoded
        assert encoded in (16, 24)
    FeatureStore.open(tmp_path).require_finished()


def test_a_damaged_shard_is_extracted_again(records: list[Record], tmp_path: Path) -> None:
    extract(records, MeanEncoder(), tmp_path, shard_pictures=16)
    shard = tmp_path / "shards" / "00001.npy"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    with pytest.raises(StoreError, match="checksum"):
        FeatureStore.open(tmp_path).read([16])
    assert extract(records, MeanEncoder(), tmp_path, shard_pictures=16).encoded == 16
    shard.write_bytes(content[:100])
    with pytest.raises(StoreError, match="is damaged, it holds no array; extract again"):
        FeatureStore.open(tmp_path).read([16])


def test_unreadable_pictures_are_reported_and_left_out(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "good.png")
    (tmp_path / "page.jpg").write_text("<html>no picture")
    names = ("good.png", "page.jpg", "gone.jpg")
    data = [Record(image_id=n, path=tmp_path / n, captions=("a",)) for n in names]
    done = extract(data, MeanEncoder(), tmp_path / "store")
    assert sorted(Path(path).name for path in done.failed) == ["gone.jpg", "page.jpg"]
    assert list(FeatureStore.open(tmp_path / "store").rows()) == ["good.png"]


def test_a_store_of_another_encoder_or_other_pictures_is_refused(
    records: list[Record], tmp_path: Path
) -> None:
    extract(records, MeanEncoder(), tmp_path)
    other = MeanEncoder()
    other.spec = replace(other.spec, side=64)
    with pytest.raises(StoreError, match=r"side:32.*side:64"):
        extract(records, other, tmp_path)
    with pytest.raises(StoreError, match=r"40 pictures.*39 pictures"):
        extract(records[1:], MeanEncoder(), tmp_path)


def test_different_pictures_with_the_same_ids_are_refused(
    records: list[Record], tmp_path: Path
) -> None:
    extract(records, MeanEncoder(), tmp_path / "store")
    assert len(Regions.from_store(tmp_path / "store", records).rows) == 40
    missing = [replace(record, path=tmp_path / "gone.png") for record in records]
    assert len(Regions.from_store(tmp_path / "store", missing).rows) == 40
    other = [replace(one, path=other.path) for one, other in pairwise(records)]
    with pytest.raises(
        SignatureError, match=r"was built from different pictures: .* is not the file it saw as"
    ):
        Regions.from_store(tmp_path / "store", other)


def test_a_store_larger_than_the_free_space_is_refused(
    records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(StoreError, match=r"needs .* kB, .* has only 10 bytes free"):
        extract(records, MeanEncoder(), tmp_path)


def test_a_folder_without_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="tushuo extract"):
        FeatureStore.open(tmp_path)


def test_a_picture_whose_name_is_not_utf_8_is_extracted(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    try:
        Image.new("RGB", (40, 40), "red").save(path)
    except OSError:
        pytest.skip("this file system accepts only names in UTF-8")
    (tmp_path / os.fsdecode(b"bad\xe9.jpg")).touch()
    record = Record(image_id="caf\\xe9.jpg", path=path, captions=("a cup",))
    other = Record(image_id="2", path=tmp_path / os.fsdecode(b"bad\xe9.jpg"), captions=("a",))
    extract([record, other], MeanEncoder(), tmp_path / "store")
    regions = Regions.from_store(tmp_path / "store", [record, other])
    assert [*regions.rows] == ["caf\\xe9.jpg"]
    assert [name.endswith("bad\\xe9.jpg") for name in regions.failed] == [True]
