"""The data check finds what was put there."""

from pathlib import Path

import numpy as np
from PIL import Image

from tushuo.data import Record
from tushuo.data.check import check, rows, to_json
from tushuo.pictures.opening import open_picture


def test_check(tmp_path: Path) -> None:
    cells = np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8)
    noise = Image.fromarray(cells).resize((360, 450), Image.Resampling.NEAREST)
    noise.save(tmp_path / "a.jpg", quality=95)
    noise.resize((180, 225)).save(tmp_path / "b.jpg", quality=80)
    pale = Image.fromarray(cells // 2 + 128).resize((180, 225), Image.Resampling.NEAREST)
    pale.save(tmp_path / "pale.jpg")  # the same shapes in other colours are another picture
    (tmp_path / "c.jpg").write_bytes((tmp_path / "a.jpg").read_bytes())
    Image.new("RGB", (400, 40)).save(tmp_path / "long.png")
    (tmp_path / "broken.jpg").write_bytes(b"<html>")
    splits = {
        "a": "train",
        "b": "val",
        "c": "train",
        "pale": "val",
        "long": None,
        "broken": None,
        "gone": None,
    }
    records = [
        Record(
            image_id=name,
            path=tmp_path / (name + (".png" if name == "long" else ".jpg")),
            captions=("a dog", ""),
            split=split,
        )
        for name, split in splits.items()
    ]
    report = check(records, open_picture=open_picture)
    assert [Path(path).name for path in report.missing] == ["gone.jpg"]
    assert [Path(path).name for path in report.undecodable] == ["broken.jpg"]
    assert report.odd == ["long 400x40"]
    assert report.same_bytes == [["a", "c"]]
    assert report.near_duplicates == report.duplicates_across_splits == [["a", "b", "c"]]
    assert len(report.empty_captions) == 7
    assert not report.fatal
    assert len(report.warnings) == 4
    assert len(rows(report)) > 10
    assert to_json(report)["pictures"] == 7
    assert check(records[6:], open_picture=open_picture).fatal
    split = records[:4]
    assert not check(split, open_picture=open_picture).fatal
    assert not check([split[0], split[2]], open_picture=open_picture).fatal  # val from train
    lacking = check([split[1], split[3]], open_picture=open_picture)
    assert lacking.fatal == ["the train split has no captions; training requires some"]
