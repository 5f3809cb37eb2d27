"""Data as other tools write it: the right records, splits and pictures, or one sentence."""

import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.data.made import picture, tar
from tests.data.test_folder import make
from tushuo.data import Reading, read, read_files
from tushuo.data.claims import wrong_claims
from tushuo.errors import DataError

Files = dict[str, str | bytes]


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSHUO_CACHE", str(tmp_path_factory.mktemp("cache")))


def files(*names: str, **content: Any) -> Files:
    """Return files: pictures of different contents by name, and others as text or JSON."""
    made: Files = {name: f"picture {name}" for name in names}
    for name, value in content.items():
        text = value if isinstance(value, str | bytes) else json.dumps(value)
        made[re.sub("__", "/", re.sub("_(?=[a-z]+$)", ".", name))] = text
    return made


def coco(*images: dict[str, Any], **captions: str) -> dict[str, Any]:
    """Return COCO JSON: captions by id, as i1=..."""
    annotations = [{"image_id": int(key[1:]), "caption": text} for key, text in captions.items()]
    return {"images": list(images), "annotations": annotations}


def outcome(reading: Reading, root: Path) -> dict[str, tuple[str | None, list[str]]]:
    """Return split and captions by the picture's path; those of missing pictures end with ?."""
    return {
        record.path.relative_to(root).as_posix() + ("" if record.path.is_file() else "?"): (
            record.split,
            list(record.captions),
        )
        for record in reading.records
    }


def split_of(*names: str) -> dict[str, tuple[str | None, list[str]]]:
    """Return what is expected of pictures named NAME:SPLIT:CAPTION."""
    parts = [name.split(":") for name in names]
    return {name: (split or None, texts) for name, split, *texts in parts}


ONE = {"id": 1, "file_name": "1.jpg"}
TWO = {"id": 2, "file_name": "2.jpg"}
PAIR = "image,caption\n1.jpg,a\n2.jpg,b\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # Splits that other tools state elsewhere: no test picture may come into training.
        (
            files("1.jpg", "2.jpg", c_csv="image,caption,set\n1.jpg,a,train\n2.jpg,b,Test\n"),
            split_of("1.jpg:train:a", "2.jpg:test:b"),
        ),
        (
            files("1.jpg", "2.jpg", c_csv="image,caption,set\n1.jpg,a,x\n2.jpg,b,y\n"),
            split_of("1.jpg::a", "2.jpg::b"),
        ),
        (
            files("1.jpg", "2.jpg", c_json=coco({**ONE, "split": "train"}, {**TWO, "split": "val"},
                                                i1="a", i2="b")),
            split_of("1.jpg:train:a", "2.jpg:val:b"),
        ),
        (
            files("1.jpg", "2.jpg", c_json={"train": [{"image": "1.jpg", "caption": "a"}],
                                            "test": [{"image": "2.jpg", "caption": "b"}]}),
            split_of("1.jpg:train:a", "2.jpg:test:b"),
        ),
        (
            files("1.jpg", "2.jpg", c_csv=PAIR, train_txt="1.jpg\n", test_txt="2\n"),
            split_of("1.jpg:train:a", "2.jpg:test:b"),
        ),
        (
            files("x/train/1.jpg", "x/test/2.jpg", c_csv=PAIR),
            split_of("x/train/1.jpg:train:a", "x/test/2.jpg:test:b"),
        ),
        (
            files("train/1.jpg", "test/2.jpg", c_csv=PAIR + "3.jpg,c\n"),
            split_of("train/1.jpg:train:a", "test/2.jpg:test:b", "3.jpg?:train:c"),
        ),
        (
            files("train_images/1.jpg", "test_images/2.jpg", c_csv=PAIR),
            split_of("train_images/1.jpg:train:a", "test_images/2.jpg:test:b"),
        ),
        (
            files("a/train/1.jpg", "a/test/2.jpg", a__train__1_txt="a", a__test__2_txt="b"),
            split_of("a/test/2.jpg:test:b", "a/train/1.jpg:train:a"),
        ),
        (
            files("my_train/1.jpg", "my_test/1.jpg", my_train__c_csv="image,caption\n1.jpg,a\n",
                  my_test__c_csv="image,caption\n1.jpg,b\n"),
            split_of("my_train/1.jpg:train:a", "my_test/1.jpg:test:b"),
        ),
        (
            files("train_images/1.jpg", "test_images/1.jpg",
                  train_x_csv="image,caption\n1.jpg,a\n", test_x_csv="image,caption\n1.jpg,b\n"),
            split_of("train_images/1.jpg:train:a", "test_images/1.jpg:test:b"),
        ),
        (
            files("1.jpg", "2.jpg", trainval_json=coco(ONE, TWO, i1="a", i2="b"),
                  train_json=coco(ONE, i1="a"), val_json=coco(TWO, i2="b"),
                  minival_json=coco(TWO, i2="b")),
            split_of("1.jpg:train:a", "2.jpg:val:b"),
        ),
        (
            files("1.jpg", "2.jpg", tokens_txt="1.jpg#0\ta\n2.jpg#0\tb\n",
                  dataset_json={"images": [
                      {"filename": "1.jpg", "split": "train", "sentences": ["a"]},
                      {"filename": "2.jpg", "split": "test", "sentences": [{"raw": "b"}]}]}),
            split_of("1.jpg:train:a", "2.jpg:test:b"),
        ),
        # The right picture of each caption, or none.
        (
            files("a/1.jpg", c_csv="image,caption\na/1.jpg,a\nb/1.jpg,b\n"),
            split_of("a/1.jpg::a", "b/1.jpg?::b"),
        ),
        (
            files("x/1.jpg", c_csv="image,caption\na/1.jpg,a\nb/1.jpg,b\n"),
            split_of("a/1.jpg?::a", "b/1.jpg?::b"),
        ),
        (
            files("a/1.jpg", c_csv="image,caption\n/home/a/1.jpg,a\n/home/b/1.jpg,b\n1.jpg,c\n"),
            split_of("a/1.jpg::a:c", "home/b/1.jpg?::b"),
        ),
        (
            files("p.jpg", c_csv="image,caption\np.jpg,a\nP.jpg,b\n"),
            split_of("p.jpg::a", "P.jpg?::b"),
        ),
        (
            files("a/1.jpg", "b/2.jpg", a__c_csv="image,caption\n1.jpg,a\n",
                  b__c_csv="image,caption\n1.jpg,b\n2.jpg,c\n"),
            split_of("a/1.jpg::a", "b/1.jpg?::b", "b/2.jpg::c"),
        ),
        (
            files(c_csv="image,caption\n1.jpg,a\n") | {"x/1.jpg": "same", "x/x/1.jpg": "same"},
            split_of("x/1.jpg::a"),
        ),
        (
            files("P.jpg", "p.jpg", P_txt="up", p_txt="low"),
            split_of("P.jpg::up", "p.jpg::low"),
        ),
        (
            files("P.jpg", "p.jpg", "q.jpg", p_txt="low", Q_txt="q"),
            split_of("p.jpg::low", "q.jpg::q"),
        ),
        # The right columns.
        (
            files("0.jpg", "1.jpg", c_csv="image,filename,caption\n0,1.jpg,a\n"),
            split_of("1.jpg::a"),
        ),
        (
            files("x/1.jpg", c_csv="path,filename,caption\nx,1.jpg,a\n"),
            split_of("x/1.jpg::a"),
        ),
        (
            files("1.jpg", c_csv="image,caption,caption_1,caption.2,caption\n1.jpg,a,b,c,d\n"),
            split_of("1.jpg::a:b:c:d"),
        ),
        (
            files("1.jpg", c_csv="foto,label,words here\n1.jpg,cat,a cat\n"),
            split_of("1.jpg::a cat"),
        ),
        (
            files("1.jpg", c_csv="image,caption\n1.jpg,NaN\n"),
            split_of("1.jpg::"),
        ),
        (
            files("1.jpg", c_tsv="image\tcaption\n1.jpg\t['one' \"it's\"]\n1.jpg\t['x', 'y']\n"),
            split_of("1.jpg::one:it's:x:y"),
        ),
        # JSON of other tools.
        (
            files("1.jpg", c_json=coco(ONE, ONE, i1="a")),
            split_of("1.jpg::a"),
        ),
        (
            files("1.jpg", c_json={"images": [ONE], "annotations": [
                {"image_id": 1, "caption": ["a", "b"], "is_rejected": 0},
                {"image_id": 1, "caption": "c", "is_rejected": 1}]}),
            split_of("1.jpg::a:b"),
        ),
        (
            files("val2017/000000000042.jpg",
                  captions_val2017_json={"annotations": [{"image_id": 42, "caption": "a"}]}),
            split_of("val2017/000000000042.jpg:val:a"),
        ),
        (
            files("val2017/000000000042.jpg",
                  captions_val2017_json={"images": [{"id": 42}],
                                         "annotations": [{"image_id": 42, "caption": "a"}]}),
            split_of("val2017/000000000042.jpg:val:a"),
        ),
        (
            files("1.jpg", c_json={"1.jpg": {"captions": ["a", "b"], "split": "train"}}),
            split_of("1.jpg:train:a:b"),
        ),
        (
            files("1.jpg", c_json={"k1": {"file_name": "1.jpg", "text": "a"}}),
            split_of("1.jpg::a"),
        ),
        (
            files("1.jpg", c_json={"data": [{"image_id": "1", "caption_str": "a",
                                             "set_name": "val"}]}),
            split_of("1.jpg:val:a"),
        ),
        # Text files before tables of something else, parquet files of addresses and so on.
        (
            files("1.jpg", l_csv="image,label\n1.jpg,cat\n") | {"1.txt": "a"},
            split_of("1.jpg::a"),
        ),
        (
            files("0/1.jpg")
            | {"0/1.txt": "a", "0/1.json": '{"caption": "b"}', "0.parquet": "PAR1"},
            split_of("0/1.jpg::a"),
        ),
        (
            files("1.jpg", "2.jpg") | {"1.json": '{"caption": "a"}', "2.json": '{"shapes": []}'},
            split_of("1.jpg::a"),
        ),
    ],
)  # fmt: skip
def test_what_is_read(
    given: Files, expected: dict[str, tuple[str | None, list[str]]], tmp_path: Path
) -> None:
    make(tmp_path, given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = outcome(read_files(tmp_path), tmp_path)
    assert found == {name: (split, texts) for name, (split, texts) in expected.items()}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (files("a/1.jpg", c_csv="image,caption\na/1.jpg,a\nb/1.jpg,b\n"),
         r"that are missing, although others .*: 1, such as b/1.jpg \(.*a/1.jpg has other"),
        (files("a/1.jpg", a__c_csv="image,caption\n1.jpg,a\n",
               b__c_csv="image,caption\n1.jpg,b\n"), r"are missing.* such as .*b/1\.jpg"),
        (files("1.jpg", "1.png") | {"1.txt": "a"}, r"several pictures share: 1, such as 1.txt"),
        (files("1.jpg", "2.jpg", c_csv=PAIR, train_txt="1.jpg\n"), r"names are left out: 1"),
        (files("train/1.jpg", "test/2.jpg", "x/3.jpg", c_csv=PAIR + "3.jpg,c\n"),
         r"no split is used: the folders of 2 pictures state one, .* of 1, such as 3.jpg"),
        (files("1.jpg", "2.jpg", c_csv=PAIR, split_csv="image,split\n1.jpg,train\n"),
         r"no split is used, although split.csv may state one"),
        ({"d.tar": tar({"a.jpg": picture(), "b.jpg": picture(), "a.txt": b"a", "c.jpg": b""})},
         r"d.tar: pictures without captions are left out: 2"),
    ],
)  # fmt: skip
def test_what_is_warned_of(given: Files, message: str, tmp_path: Path) -> None:
    make(tmp_path, given)
    for _ in range(2):  # an archive is unpacked the first time alone
        with pytest.warns(UserWarning, match=message):
            read(tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (files("1.jpg", "2.jpg", c_json=coco(ONE, {"id": 1, "file_name": "2.jpg"}, i1="a")),
         r"the image id 1 is of 1.jpg and of 2.jpg"),
        (files("1.jpg", c_json={"images": [ONE], "captions": [{"image_id": 1, "caption": "a"}]}),
         r"expected annotations with a caption beside images, but it has the keys images"),
        (files("1.jpg", c_json=[{"image": "1.jpg", "conversations": [{"value": "a"}]}]),
         r"it has conversations; write the answers"),
        (files("1.jpg", c_csv="image,label\n1.jpg,cat\n"), r"; it begins with 'image,label'"),
        (files("1.jpg", c_xlsx=b"PK\x03\x04\0\0"), r"is a spreadsheet; save it as CSV"),
        (files("1.jpg", c_arrow=b"ARROW1\0\0"), r"is an Arrow file; save the data set as parquet"),
        (files("1.jpg", "2.jpg", train_csv="image,caption\n1.jpg,a\n",
               more_csv="image,caption\n2.jpg,a\n"), r"such as 2.jpg \(more.csv states none\)"),
        (files("1.jpg", train_csv="image,caption\n1.jpg,a\n", more_csv="image,caption\n1.jpg,b\n"),
         r"train.csv and more.csv both have captions of 1.jpg; name the file"),
    ],
)  # fmt: skip
def test_what_is_refused(given: Files, message: str, tmp_path: Path) -> None:
    make(tmp_path, given)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_texts_are_not_passed_over(tmp_path: Path) -> None:
    make(tmp_path, {"images/1.jpg": "", "labels/1.txt": "a", "labels/2.txt": "b"})
    reading = read_files(tmp_path)
    assert [record.captions for record in reading.records] == [("a",)]
    assert list(reading.passed_over) == ["labels/2.txt"]
    make(tmp_path, {"c.csv": "image,caption\n1.jpg,b\n", "images/1.txt": "c"})
    assert "table is preferred" in read_files(tmp_path).passed_over["text files beside pictures"]


def test_a_tar_in_any_order(tmp_path: Path) -> None:
    parts = {"x/p.1.jpg": picture(), "x/p.2.jpg": picture(), "x/._p.1.jpg": b"\0",
             "x/p.2.txt": b"b", "x/p.1.json": b'{"caption": null, "text": "a"}'}  # fmt: skip
    make(tmp_path, {"d.tar": tar(parts)})
    with pytest.warns(UserWarning, match="were unpacked into .*: 2"):
        records = read(tmp_path)
    assert {r.image_id: r.captions for r in records} == {"x/p.1.jpg": ("a",), "x/p.2.jpg": ("b",)}


def test_ids_of_unpacked_pictures_are_the_same_anywhere(tmp_path: Path) -> None:
    make(tmp_path, {f"{n}.tar": tar({"a.jpg": picture(), "a.txt": b"a"}) for n in "12"})
    with pytest.warns(UserWarning, match="image ids that several pictures share"):
        assert [r.image_id for r in read(tmp_path)] == ["1.tar/000000-a.jpg", "2.tar/000000-a.jpg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_folders_that_cannot_be_read(tmp_path: Path) -> None:
    make(tmp_path, {"1.jpg": "", "1.txt": "a", "x/2.jpg": ""})
    (tmp_path / "x").chmod(0)
    with pytest.warns(UserWarning, match="folders that cannot be read are passed over: 1, such"):
        read(tmp_path)
    (tmp_path / "x").chmod(0o700)


def test_parquet_of_names(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="requires pyarrow")
    from pyarrow import parquet

    names = pyarrow.array(["1.jpg", "2.jpg"])
    for column in (names, names.cast(pyarrow.large_string()), names.dictionary_encode()):
        table = pyarrow.table({"image_id": [7, 8], "file": column, "text": ["a", "b"],
                               "partition": ["train", "test"]})  # fmt: skip
        parquet.write_table(table, tmp_path / "d.parquet")
        assert [(r.image_id, r.split) for r in read(tmp_path)] == [
            ("1.jpg", "train"), ("2.jpg", "test")
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (["1.jpg", "a/1.jpg", "x/a/1.jpg", "1", "A/1.jpg"], set()),
        (["a/1.jpg", "b/1.jpg", "b/1.jpg"], {1, 2}),
        (["c/1.jpg", "b/1.jpg"], {0, 1}),
        (["cafe\u0301/1.jpg", "caf\u00e9/1.jpg"], set()),
    ],
)
def test_claims(names: list[str], wrong: set[int]) -> None:
    assert wrong_claims(names, [Path("/d/a/1.jpg")] * len(names)) == wrong
