"""Which files of a folder are read, what is passed over, and where pictures are found."""

import json
import os
from pathlib import Path

import pytest

from tests.data.made import EXPECTED, FORMS, NAMES, coco, karpathy, table
from tushuo.data import read, read_files
from tushuo.data.describe import describe, describe_briefly
from tushuo.data.listing import Listing
from tushuo.data.split import with_splits
from tushuo.errors import DataError

CSV = table("\t", "image\tcaption").decode()


def make(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.mark.parametrize(
    ("others", "reasons"),
    [
        ({"._captions.csv": b"\x00\x05\x16\x07", ".hidden.csv": CSV}, {}),
        ({"__MACOSX/captions.csv": CSV, "Thumbs.db": b"\x00"}, {}),
        ({"classes.csv": "id,name\n1,square\n"}, {"classes.csv": "has no columns"}),
        ({"a.json": '{"width": 3}'}, {"a.json": "it has the keys width"}),
        ({"captions.json": json.dumps(coco())}, {"captions.json": "table is preferred"}),
        ({"below/more.csv": "image,caption\nx.jpg,x\n"}, {}),
        ({"labels.csv": "filename,label\np0.jpg,cat\n"}, {"labels.csv": "has no columns"}),
        ({"split.csv": "image,split\np0.jpg,train\n"}, {"split.csv": "has no columns"}),
        ({"results.json": '[{"image_id": 1, "caption": "x"}]'}, {"results.json": "is preferred"}),
        ({"copy.csv": CSV}, {"copy.csv": "has the same captions as captions.csv"}),
        ({"notes.txt": "buy milk, eggs"}, {"notes.txt": "is text without names of pictures"}),
        ({"archive.zip": b"PK\x03\x04"}, {"archive.zip": "is a ZIP archive"}),
        ({"broken.json": "{"}, {"broken.json": "is not whole JSON"}),
        ({"empty.csv": ""}, {"empty.csv": "is empty"}),
    ],
)
def test_what_is_passed_over(
    others: dict[str, str | bytes], reasons: dict[str, str], tmp_path: Path
) -> None:
    make(tmp_path, {"captions.csv": CSV, **others})
    reading = read_files(tmp_path)
    assert {r.image_id: r.captions for r in reading.records} == EXPECTED
    assert [file.file for file in reading.files] == ["captions.csv"]
    assert reading.passed_over.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert reason in reading.passed_over[name]
    lines = describe(reading)
    assert lines[0] == "read captions.csv as table: pictures 3, captions 4, splits none 3"
    assert [line.split(": ")[0] for line in lines[1:]] == [f"passed over {n}" for n in reasons]
    assert ("passed over" in describe_briefly(reading)) == bool(reasons)


def test_many_passed_over_are_counted(tmp_path: Path) -> None:
    make(tmp_path, {"captions.csv": CSV, **{f"{n:02}.csv": "a,b\n" for n in range(14)}})
    reading = read_files(tmp_path)
    assert describe(reading)[-1] == "passed over 4 more files; --json lists all"
    assert "00.csv, 01.csv, 02.csv and 11 more" in describe_briefly(reading)


def test_files_of_splits_are_read_together_and_a_leak_is_an_error(tmp_path: Path) -> None:
    one = coco(images=[{"id": 1, "file_name": "a.jpg"}], annotations=[])
    other = coco(images=[{"id": 1, "file_name": "b.jpg"}], annotations=[])
    make(tmp_path, {"captions_val2017.json": json.dumps(one)})
    make(tmp_path, {"captions_train2017.json": json.dumps(other)})
    make(tmp_path, {"image_info_test2017.json": '{"images": []}'})
    with pytest.warns(UserWarning, match="ids that several pictures share .*: 1, such as 1"):
        records = read(tmp_path)
    assert [(record.image_id, record.split) for record in records] == [
        ("images/b.jpg" if (tmp_path / "images").exists() else "b.jpg", "train"),
        ("a.jpg", "val"),
    ]
    make(tmp_path, {"captions_train2017.json": json.dumps(one)})
    with pytest.raises(DataError, match="pictures in two splits: 1, such as 1 in train and val"):
        read(tmp_path)


def test_trainval_is_no_split(tmp_path: Path) -> None:
    make(tmp_path, {"captions_trainval2014.json": json.dumps(coco())})
    assert [record.split for record in read(tmp_path)] == [None] * 3


def test_two_versions_are_refused_and_parts_are_joined(tmp_path: Path) -> None:
    make(tmp_path, {"captions.csv": CSV, "results.csv": "image,caption\np1.jpg,a guess\n"})
    with pytest.raises(DataError, match=r"captions\.csv and results\.csv both have captions of p1"):
        read(tmp_path)
    make(tmp_path, {"results.csv": "image,caption\np9.jpg,another\n"})
    assert len(read(tmp_path)) == 4


@pytest.mark.parametrize("name", ["captions.csv", "captions_val.csv"])
def test_a_broken_part_is_not_passed_over(name: str, tmp_path: Path) -> None:
    make(tmp_path, {"captions_train.csv": CSV, name: "图片,描述\n".encode("gb18030")})
    with pytest.raises(DataError, match=r"is not UTF-8 text.*; save it as UTF-8, or name the file"):
        read(tmp_path)


def test_flickr8k_as_published(tmp_path: Path) -> None:
    token = FORMS["flickr"][1]()
    make(
        tmp_path,
        {
            "Flickr8k.token.txt": token,
            "Flickr8k.lemma.token.txt": token.replace(b"dog", b"dogs"),
            "CrowdFlowerAnnotations.txt": "p0.jpg\tp1.jpg#2\t1\t3\t0\n",
            "Flickr_8k.trainImages.txt": "p0.jpg\np1.jpg\n",
            "Flickr_8k.devImages.txt": "p2.jpg\n",
            "readme.txt": "about",
        },
    )
    reading = read_files(tmp_path)
    assert [record.split for record in reading.records] == ["train", "train", "val"]
    assert reading.passed_over.keys() == {
        "Flickr8k.lemma.token.txt", "CrowdFlowerAnnotations.txt", "readme.txt"
    }  # fmt: skip
    make(tmp_path, {"Flickr_8k.testImages.txt": "p0.jpg\n"})
    with pytest.raises(DataError, match=r"p0\.jpg is in the lists of two splits, test and train"):
        read(tmp_path)


def test_imagefolder(tmp_path: Path) -> None:
    for folder, split in (("train", "train"), ("validation", "val"), ("test", "test")):
        make(tmp_path / folder, {"0.jpg": "", "metadata.jsonl":
             json.dumps({"file_name": "0.jpg", "text": split}) + "\n"})  # fmt: skip
    with pytest.warns(UserWarning, match="ids that several pictures share"):
        records = read(tmp_path)
    assert [(r.image_id, r.split, r.captions) for r in records] == [
        ("train/0.jpg", "train", ("train",)),
        ("validation/0.jpg", "val", ("val",)),
        ("test/0.jpg", "test", ("test",)),
    ]
    assert all(record.path.is_file() for record in records)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("photos\\p0.jpg", "photos/p0.jpg"),
        ("C:\\Users\\me\\photos\\p0.jpg", "photos/p0.jpg"),
        ("./photos/p0.jpg", "photos/p0.jpg"),
        ("/gone/p0.jpg", "photos/p0.jpg"),
        ("train2014/p0.jpg", "p0.jpg"),
        ("p0.jpg", "a/b/c/d/P0.JPG"),
        ("p0", "images/p0.png"),
        ("val/p0.jpg", "x/val/p0.jpg"),
        ("ä ö.jpg", "ä ö.jpg"),
        ("caf\u00e9.jpg", "x/cafe\u0301.jpg"),
    ],
)
def test_pictures_are_found_by_name(name: str, place: str, tmp_path: Path) -> None:
    make(tmp_path, {place: "", "captions.tsv": f"image\tcaption\n{name}\ta dog\n"})
    if place.startswith("x/"):
        make(tmp_path, {"x/train/p0.jpg": ""})
    (record,) = read(tmp_path)
    assert record.path == tmp_path / place


def test_the_first_picture_decides_for_no_other(tmp_path: Path) -> None:
    make(tmp_path, {"dataset.json": karpathy(), "train2014/p1.jpg": "", "images/p2.jpg": ""})
    assert [record.path.is_file() for record in read(tmp_path)] == [False, True, True]


def test_names_of_several_pictures(tmp_path: Path) -> None:
    make(tmp_path, {"captions.csv": CSV, "a/p0.jpg": "one", "b/p0.jpg": "two"})
    with pytest.warns(UserWarning, match=r"count as missing: 1, such as p0.jpg \(.*a/p0.jpg and"):
        assert not read(tmp_path)[0].path.exists()
    assert read(tmp_path, images=tmp_path / "b")[0].path == tmp_path / "b" / "p0.jpg"


def test_splits_of_folders(tmp_path: Path) -> None:
    make(
        tmp_path, {f"images/{part}/p{n}.jpg": "" for n, part in enumerate(("train", "val", "test"))}
    )
    make(tmp_path, {"captions.csv": CSV})
    assert [record.split for record in read(tmp_path)] == ["train", "val", "test"]
    (tmp_path / "images/test/p2.jpg").rename(tmp_path / "p2.jpg")
    assert [record.split for record in read(tmp_path)] == [None] * 3


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.jpg,x,train\na.jpg,y,test\n", "pictures in two splits: 1, such as a.jpg in train"),
        ("a.jpg,x,train\nb.jpg,y,\n", "pictures without a split: 1 of 2, such as b.jpg"),
        ("a.jpg,x,train\na.jpg,y,\n", "a.jpg is listed with the split train and without one"),
    ],
)
def test_splits_that_disagree(rows: str, message: str, tmp_path: Path) -> None:
    make(tmp_path, {"captions.csv": f"image,caption,split\n{rows}"})
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_the_same_picture_by_two_names_is_one(tmp_path: Path) -> None:
    content = "image,caption\nimages/a.jpg,x\na.jpg,y\n.\\images\\a.jpg,z\n"
    make(tmp_path, {"captions.csv": content, "images/a.jpg": ""})
    (record,) = read(tmp_path)
    assert (record.image_id, record.captions) == ("images/a.jpg", ("x", "y", "z"))


def test_text_files_of_all_names(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            **{f"p{n}.jpg": "" for n in range(6)},
            "p0.txt": "zero", "P1.TXT": "one", "p2.jpg.txt": "two",
            "p3.caption": "three", "p3.txt": "1girl, solo", "p4.json": '{"width": 3}',
            "p9.txt": "no picture",
        },
    )  # fmt: skip
    (tmp_path / "P1.TXT").rename(tmp_path / "p1.TXT")
    with pytest.warns(
        UserWarning, match=r"without a text file are left out: 2, such as p4.jpg, p5"
    ):
        reading = read_files(tmp_path)
    assert [r.captions for r in reading.records] == [("zero",), ("one",), ("two",), ("three",)]
    assert reading.files[0].form == "captions of pictures"
    assert "p9.txt" in reading.passed_over


def test_text_files_elsewhere(tmp_path: Path) -> None:
    make(tmp_path, {"images/a.jpg": "", "Sentences/a.txt": "x", "images/b/c.jpg": ""})
    make(tmp_path, {"texts/b/c.txt": "y"})
    assert [record.captions for record in read(tmp_path)] == [("x",), ("y",)]
    with pytest.warns(UserWarning, match="left out: 1"):
        (record,) = read(tmp_path / "texts", images=tmp_path / "images")
    assert record.captions == ("y",)


def test_splits_of_text_files(tmp_path: Path) -> None:
    for n, part in enumerate(("train", "val")):
        make(tmp_path / part, {f"{n}.jpg": "", f"{n}.txt": "a"})
    assert [record.split for record in read(tmp_path)] == ["train", "val"]
    make(tmp_path / "cats", {"5.jpg": "", "5.txt": "a"})
    assert [record.split for record in read(tmp_path)] == [None] * 3


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        make(tmp_path, {f"{name}.jpg": "", f"{name}.txt": "a cup"})
    except OSError:
        pytest.skip("this file system accepts only names in UTF-8")
    (record,) = read(tmp_path)
    assert record.image_id == "caf\\xe9.jpg"
    assert record.path.exists()


def test_links_and_loops(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", {"p0.jpg": ""})
    make(tmp_path / "data", {"captions.csv": CSV})
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")
    assert read(tmp_path / "data")[0].path.is_file()


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tushuo.data.listing.MAX_FILES", 3)
    make(tmp_path, {f"{n}.jpg": "" for n in range(5)})
    with pytest.raises(DataError, match="has more than 3 files; name a caption file"):
        Listing(tmp_path).pictures  # noqa: B018


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe is not a regular file"):
        read(tmp_path / "pipe")
    with pytest.raises(DataError, match="not a folder"):
        read(tmp_path, images=tmp_path / "gone")
    with pytest.raises(DataError, match="pipe is not a regular file"):
        read(tmp_path)


def test_training_data_without_validation_pictures(tmp_path: Path) -> None:
    rows = "".join(f"{n}.jpg,x\n" for n in range(20))
    make(tmp_path, {"captions_train.csv": f"image,caption\n{rows}"})
    records = read(tmp_path)
    assert {record.split for record in records} == {"train"}
    split = with_splits(records)
    assert sum(record.split == "val" for record in split) == 4
    make(tmp_path, {"captions_test.csv": "image,caption\nt.jpg,x\n"})
    assert with_splits(read(tmp_path))[-1].split == "test"
    mixed = [*split, *read(make(tmp_path / "d", {"captions.csv": CSV}))]
    with pytest.raises(DataError, match="some pictures have a split and others do not"):
        with_splits(mixed)


def test_names_of_coco(tmp_path: Path) -> None:
    images = [{"id": 1}, {"id": "2"}]
    make(tmp_path, {"captions_val2014.json": json.dumps(coco(images=images, annotations=[]))})
    assert [record.path.name for record in read(tmp_path)] == [
        "COCO_val2014_000000000001.jpg", "COCO_val2014_000000000002.jpg"
    ]  # fmt: skip
    assert NAMES[0] not in {record.path.name for record in read(tmp_path)}
