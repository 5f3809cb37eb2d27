"""Drawn scenes: different, repeatable, in COCO form."""

from pathlib import Path

import pytest

from tushuo.data import read
from tushuo.data.scenes import make_scenes
from tushuo.errors import DataError, SettingError


def test_scenes_repeat_and_differ(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_scenes(tmp_path / name, count=20)
    first, second = (sorted((tmp_path / n / "images").iterdir()) for n in ("one", "two"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    assert len({p.read_bytes() for p in first}) == 20
    records = read(tmp_path / "one")
    assert [sum(r.split == s for r in records) for s in ("train", "val", "test")] == [16, 2, 2]
    assert {len(record.captions) for record in records} == {5}
    assert len({record.captions for record in records}) == 20


def test_chinese(tmp_path: Path) -> None:
    make_scenes(tmp_path / "zh", count=10, language="zh")
    assert "有" in read(tmp_path / "zh")[0].captions[0]


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="count was 5"):
        make_scenes(tmp_path, count=5)
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(DataError, match="other files"):
        make_scenes(tmp_path, count=10)
