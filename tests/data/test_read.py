"""Readers: real forms, and what is wrong with others."""

import json
from pathlib import Path

import pytest

from tushuo.data import Record, read
from tushuo.data.limits import limit
from tushuo.data.split import with_splits
from tushuo.errors import DataError, SettingError


def coco(**change: object) -> dict[str, object]:
    return {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2}],
        "annotations": [{"id": 1, "image_id": 1, "caption": "a dog"}],
        **change,
    }


def test_coco(tmp_path: Path) -> None:
    file = tmp_path / "captions_train2014.json"
    file.write_text("\ufeff" + json.dumps(coco()))
    first, second = read(file)
    assert (first.path.name, first.captions) == ("a.jpg", ("a dog",))
    assert read(str(file), images=str(tmp_path)) == read(file, images=tmp_path)
    assert second.path.name == "COCO_train2014_000000000002.jpg"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "c.json is empty"),
        ("{}", "images"),
        (json.dumps(coco(annotations=[{"image_id": 1}])), "caption"),
        (
            json.dumps(coco(annotations=[{"image_id": 1, "caption": None}])),
            "annotation 1, .*no caption",
        ),
        (json.dumps(coco(annotations=[{"image_id": 1, "caption": float("nan")}])), "NaN .byte"),
        (json.dumps(coco(annotations=[{"image_id": 9, "caption": "x"}])), "not among its images"),
        (json.dumps(coco(images=[{"file_name": "a.jpg"}])), "id"),
    ],
)
def test_bad_coco(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "c.json")


def test_ids_as_strings(tmp_path: Path) -> None:
    content = coco(annotations=[{"image_id": "1", "caption": "a dog"}])
    (tmp_path / "c.json").write_text(json.dumps(content))
    assert read(tmp_path / "c.json")[0].captions == ("a dog",)


def test_flickr_with_split_lists(tmp_path: Path) -> None:
    (tmp_path / "F.token.txt").write_bytes(
        "a 图.jpg#0\tA dog .\r\na 图.jpg#1\tDogs .\r\nb.jpg#0\tA cat .\r\n".encode()
    )
    assert [record.split for record in read(tmp_path)] == [None, None]
    (tmp_path / "F.trainImages.txt").write_text("a 图.jpg\n")
    (record,) = read(tmp_path)
    assert (record.split, record.captions) == ("train", ("A dog .", "Dogs ."))


def test_flickr_errors(tmp_path: Path) -> None:
    (tmp_path / "F.token.txt").write_text("a.jpg#0\tx\nnonsense\n")
    with pytest.raises(DataError, match="line 2"):
        read(tmp_path)
    (tmp_path / "F.token.txt").write_bytes(b"a.jpg#0\tx\nb.jpg#0\t\xff\xfe\n")
    with pytest.raises(DataError, match="UTF-8"):
        read(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no caption data"):
        read(tmp_path / "empty")


def test_flickr8k(flickr8k: Path) -> None:
    for language, first in (("en", "a"), ("zh", "一")):
        records = read(flickr8k, language=language)
        assert len(records) == 7000
        assert sum(record.split == "train" for record in records) == 6000
        assert {len(record.captions) for record in records} == {5}
        assert any(record.captions[0].lower().startswith(first) for record in records)


def made(count: int) -> list[Record]:
    return [
        Record(image_id=n, path=Path(f"{n}.jpg"), captions=tuple("abcde")) for n in range(count)
    ]


def test_limits() -> None:
    assert sum(len(r.captions) for r in limit(made(20), max_captions=33)) == 33
    assert limit(made(20), max_captions=33) == limit(made(20), max_captions=33)
    assert limit(made(20), max_captions=33) != limit(made(20), max_captions=33, seed=1)
    assert len(limit(made(20), max_images=7)) == 7
    with pytest.raises(SettingError, match="at least 1"):
        limit(made(2), max_captions=0)


def test_a_limited_store_has_pictures_of_both_splits() -> None:
    """``extract --max-images`` chooses pictures of data that ``train`` splits afterwards."""
    kept = {record.image_id for record in limit(made(100), max_images=50)}
    splits = [record.split for record in with_splits(made(100)) if record.image_id in kept]
    assert 3 < splits.count("val") < 20


def test_split_by_picture_and_by_caption() -> None:
    records = with_splits(made(50))
    assert sum(record.split == "val" for record in records) == 10
    with pytest.warns(UserWarning, match="same picture"):
        split = with_splits(made(50), by="caption")
    assert sum(len(record.captions) for record in split) == 250
    assert len({record.image_id for record in split}) == 50 < len(split)


def test_karpathy(tmp_path: Path) -> None:
    image = {"filename": "a.jpg", "filepath": "val2014", "cocoid": 7, "imgid": 0}
    captions_and_ids = {"sentences": [{"raw": "A dog. ", "tokens": ["a", "dog"]}], "sentids": [0]}
    path = tmp_path / "dataset_coco.json"
    path.write_text(json.dumps({"images": [{**image, **captions_and_ids, "split": "restval"}]}))
    (record,) = read(path, images=tmp_path)
    assert (record.image_id, record.split, record.captions) == (7, "train", ("A dog.",))
    assert record.path == tmp_path / "val2014" / "a.jpg"
    path.write_text(json.dumps({"images": [{**image, **captions_and_ids, "split": "later"}]}))
    with pytest.raises(DataError, match="'later'"):
        read(path)
    path.write_text(json.dumps({"images": [{**captions_and_ids, "split": "val"}]}))
    with pytest.raises(DataError, match="filename"):
        read(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.csv", 'image,caption\nä b.jpg,"a dog, a cat"\nä b.jpg,two\n'),
        ("c.csv", '\ufeffä b.jpg,"a dog, a cat"\r\nä b.jpg,two\r\n'),
        ("captions.txt", 'image, caption\nä b.jpg,"a dog, a cat"\nä b.jpg,two\n'),
        ("c.tsv", "text\tfile_name\na dog, a cat\tä b.jpg\ntwo\tä b.jpg\n"),
        ("c.jsonl", '{"image": "ä b.jpg", "captions": ["a dog, a cat", "two"]}\n'),
    ],
)
def test_tables(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    (record,) = read(tmp_path)
    assert (record.image_id, record.captions) == ("ä b.jpg", ("a dog, a cat", "two"))
    assert record.path == tmp_path / "ä b.jpg"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.csv", "image,caption\na.jpg\n", "row 2"),
        ("c.csv", "image,caption\n,a dog\n", "row 2"),
        ("c.csv", "image,caption,split\na.jpg,a dog,later\n", "'later'"),
        ("c.jsonl", "{\n", "is not whole JSON"),
        ("c.jsonl", '{"image": "a.jpg"}\n', "it has the keys image"),
        ("c.jsonl", '{"image": true, "caption": "x"}\n', "expected image and caption"),
        ("c.doc", "hello", "is text without names of pictures; expected COCO"),
    ],
)
def test_bad_tables(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["F.token.txt", "c.csv", "c.jsonl"])
def test_what_is_no_utf_8_and_what_ends_no_line(tmp_path: Path, name: str) -> None:
    """U+2028, which some programs end paragraphs with, may stand in a caption."""
    caption_text = "a dog\u2028two dogs"
    rows = {
        "F.token.txt": f"a.jpg#0\t{caption_text}\n",
        "c.csv": f"image,caption\na.jpg,{caption_text}\n",
        "c.jsonl": json.dumps({"image": "a.jpg", "caption": caption_text}, ensure_ascii=False),
    }
    (tmp_path / name).write_text(rows[name], encoding="utf-8-sig")
    (record,) = read(tmp_path / name)
    assert (record.image_id, record.captions) == ("a.jpg", (caption_text,))
    (tmp_path / name).write_bytes(rows[name].encode() + "狗".encode("gb18030"))
    with pytest.raises(DataError, match=r"not UTF-8 text, byte \d+ is 0x.*; save it as UTF-8"):
        read(tmp_path / name)


def test_sidecars(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.jpg", "sub/b c.PNG", "alone.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "a.txt").write_text("a dog\n\ntwo dogs\n")
    (tmp_path / "sub" / "b c.txt").write_text("一只猫\n")
    first, second = read(tmp_path)
    assert (first.image_id, first.captions) == ("a.jpg", ("a dog", "two dogs"))
    assert (second.image_id, second.captions) == ("sub/b c.PNG", ("一只猫",))
    (tmp_path / "a.txt").write_bytes("狗".encode("gb18030"))
    with pytest.raises(DataError, match=r"a\.txt is not UTF-8 text, byte 0 is 0xb9; save it"):
        read(tmp_path)
