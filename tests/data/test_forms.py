"""Every form of caption data gives the same pictures and captions, wherever the pictures lie."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.made import CAPTIONS, EXPECTED, FORMS, NAMES, coco, lines, picture, table
from tushuo.data import Record, read
from tushuo.data.table import MISSING
from tushuo.errors import DataError, MissingPartError


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSHUO_CACHE", str(tmp_path_factory.mktemp("cache")))


def write(folder: Path, form: str, pictures: str | None) -> Path:
    """Write a form into a folder, and its pictures below it."""
    name, content = FORMS[form]
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content())
    if pictures is not None and "webdataset" not in form:
        (folder / pictures).mkdir(parents=True, exist_ok=True)
        for picture_name in NAMES:
            (folder / pictures / picture_name).write_bytes(picture())
    return folder / name


def captions_by_file(records: list[Record]) -> dict[str, tuple[str, ...]]:
    return {record.path.name[-len("p0.jpg") :]: record.captions for record in records}


@pytest.mark.filterwarnings("ignore:.*(unpacked|data-language)")
@pytest.mark.parametrize("pictures", [".", "images", "a/deep er/train2014"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form(form: str, pictures: str, tmp_path: Path) -> None:
    file = write(tmp_path / "data", form, pictures)
    of_folder = read(tmp_path / "data")
    assert captions_by_file(of_folder) == EXPECTED
    assert all(record.path.is_file() for record in of_folder)
    assert read(file) == of_folder


@pytest.mark.filterwarnings("ignore:.*(unpacked|data-language)")
@pytest.mark.parametrize("form", FORMS)
def test_pictures_elsewhere(form: str, tmp_path: Path) -> None:
    file = write(tmp_path / "data", form, None)
    for name in NAMES:
        (tmp_path / "photos" / "below").mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / "below" / name).write_bytes(picture())
    records = read(file, images=tmp_path / "photos")
    assert captions_by_file(records) == EXPECTED
    assert all(record.path.is_file() for record in records)


@pytest.mark.parametrize("form", ["coco", "comma", "flickr", "json-lines"])
def test_compressed(form: str, tmp_path: Path) -> None:
    file = write(tmp_path / "data", form, "images")
    file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    assert captions_by_file(read(tmp_path / "data")) == EXPECTED


@pytest.mark.parametrize(
    ("form", "split"),
    [("coco", "train"), ("blip", "train"), ("ai-challenger", "train"), ("textcaps", "train"),
     ("comma", None), ("coco-pretty", None)],
)  # fmt: skip
def test_splits_in_names(form: str, split: str | None, tmp_path: Path) -> None:
    assert {record.split for record in read(write(tmp_path / "d", form, "."))} == {split}


@pytest.mark.parametrize(
    ("row", "caption"),
    [
        ('p1.jpg\t"stop" is on a sign', '"stop" is on a sign'),
        ('p1.jpg\t"no parking on a wall', '"no parking on a wall'),
        ('p1.jpg\t5 feet 6"', '5 feet 6"'),
        ('p1.jpg\t"a whole, quoted ""cell"""', 'a whole, quoted "cell"'),
    ],
)
def test_quotes_in_tabs(row: str, caption: str, tmp_path: Path) -> None:
    """A quote that never closes swallows no row, even if another one follows."""
    (tmp_path / "c.tsv").write_text(f'image\tcaption\np0.jpg\tone\n{row}\np2.jpg\t5 feet 6"\n')
    assert [r.captions for r in read(tmp_path / "c.tsv")] == [("one",), (caption,), ('5 feet 6"',)]


def test_line_breaks_in_quotes(tmp_path: Path) -> None:
    with (tmp_path / "c.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "caption"), ("p0.jpg", "a\nb, c"), ("p1.jpg", "d")])
    assert [r.captions for r in read(tmp_path / "c.csv")] == [("a\nb, c",), ("d",)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.csv", "image,caption,split\np0.jpg,a,train\np1.jpg,b\n", r"row 3: .* has 2 cells inst"),
        ("c.csv", "image,caption\np0.jpg,a dog, a cat\n", r"row 2: .* has 3 cells .*\(a comma\)"),
        ("c.csv", "url,caption\nhttp://example.org/a,b\n", "addresses here; download them first"),
        ("c.tsv", "a dog\thttp://example.org/a\n", "addresses here; download them first"),
        ("c.csv", "id,name\n1,square\n", r"has no columns of pictures .*'id,name'"),
        ("c.csv", f"image,caption\np0.jpg,{'word ' * 40_000}\n", "has 199999 characters; at most"),
        ("c.csv", "image,caption\np0.jpg,a\0b\n", "contains zero bytes"),
        ("c.jsonl", '{"image": "a.jpg", "caption": "x"}\n{"image": ', "line 2 is not a JSON obj"),
        ("c.jsonl", '{"image": "a.jpg", "caption": "x"}\n{"image": "b.jpg", "caption": null}', "2"),
        ("c.json", '[{"image": "a.jpg", "caption": 3}]', "expected image and caption as text"),
        ("c.json", '[{"image": "a.jpg"}, {"caption": "b"}]', "without pictures and captions"),
        ("c.json", '{"a.jpg": {"b": 1}}', "expected image and caption"),
        ("c.json", json.dumps(coco())[:-9], "is not whole JSON"),
        ("c.json", json.dumps(coco(images=[{"id": 1.5}])), "id 1.5; expected a whole number"),
        ("c.json", '{"categories": [1]}', "it has the keys categories"),
        ("c.json", "[1, 2]", "text without names of pictures"),
        ("c.tar", b"x" * 257 + b"ustar" + b"x" * 900, "damaged tar file"),
        ("c.zip", b"PK\x03\x04abc", "is a ZIP archive; unpack it"),
        ("c.parquet", b"PAR1abc", "damaged parquet file"),
        ("c.csv", "图片,描述\n".encode("gb18030"), "is not UTF-8 text"),
        ("c.txt", b"\x00\x01\x02", "is not text|zero bytes"),
    ],
)  # fmt: skip
def test_what_is_refused(name: str, content: str | bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    for path in (tmp_path / name, tmp_path):
        with pytest.raises(DataError, match=message):
            read(path)


def test_vizwiz(tmp_path: Path) -> None:
    content = coco()
    content["annotations"] += [  # type: ignore[operator]
        {"image_id": 0, "caption": "Quality issues are too severe", "is_rejected": True},
        {"image_id": 1, "caption": "canned", "is_precanned": True, "is_rejected": False},
    ]
    (tmp_path / "train.json").write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="rejected or precanned are left out: 2"):
        assert [record.captions for record in read(tmp_path)] == list(CAPTIONS)


def test_entities(tmp_path: Path) -> None:
    (tmp_path / "p0.jpg").touch()
    marked = "[/EN#1/people A tall man] on [/EN#2/other/scene a table] ."
    (tmp_path / "p0.txt").write_text(f"{marked}\n[see below] .\n")
    with pytest.warns(UserWarning, match="markup of Flickr30k Entities was removed"):
        (record,) = read(tmp_path)
    assert record.captions == ("A tall man on a table .", "[see below] .")


def test_repeated_header(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(table(";", "image;caption") + b"image;caption\np3.jpg;x\n")
    with pytest.warns(UserWarning, match="repeat the header are left out: 1"):
        assert len(read(tmp_path)) == 4


def test_ids_of_any_type(tmp_path: Path) -> None:
    images = [{"id": "p0.jpg"}, {"id": 1, "file_name": "p1.jpg"}]
    annotations = [
        {"image_id": "p0.jpg", "caption": "a"},
        {"image_id": 1.0, "caption": "b"},
        {"image_id": "1", "caption": "c"},
    ]
    (tmp_path / "c.json").write_text(json.dumps(coco(images=images, annotations=annotations)))
    assert [(r.image_id, r.captions) for r in read(tmp_path)] == [
        ("p0.jpg", ("a",)),
        (1, ("b", "c")),
    ]


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="requires pyarrow")
    from pyarrow import parquet

    images = [{"bytes": picture(), "path": name} for name in NAMES]
    columns = {
        "image": images,
        "caption": [list(texts) for texts in CAPTIONS],
        "split": ["dev"] * 3,
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "data.parquet")
    with pytest.warns(UserWarning, match="its pictures were unpacked"):
        records = read(tmp_path)
    assert [(r.image_id, r.captions, r.split) for r in records] == [
        (name, texts, "val") for name, texts in EXPECTED.items()
    ]
    assert records[0].path.read_bytes() == picture()
    parquet.write_table(
        pyarrow.table({"file_name": list(NAMES), "text": ["a", "b", "c"]}),
        tmp_path / "data.parquet",
    )
    assert [record.image_id for record in read(tmp_path)] == list(NAMES)


def test_parquet_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "data.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingPartError, match="'tushuo\\[parquet\\]'"):
        read(tmp_path)


def test_a_tar_is_unpacked_once_and_again_when_it_changes(tmp_path: Path) -> None:
    file = write(tmp_path / "d", "webdataset", None)
    with pytest.warns(UserWarning, match="unpacked"):
        first = read(file)
    assert read(file) == first
    (tmp_path / "d" / "00000.tar").write_bytes(FORMS["webdataset-json"][1]())
    with pytest.warns(UserWarning, match="unpacked"):
        assert captions_by_file(read(file)) == EXPECTED
    file.write_bytes(file.read_bytes()[:1500])
    with pytest.raises(DataError, match="damaged tar file"):
        read(file)


def _is_text(text: str) -> bool:
    return bool(text) and text not in MISSING


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(texts.map(str.strip).filter(_is_text), min_size=1, max_size=5),
       separator=st.sampled_from(",;\t|"))  # fmt: skip
def test_what_csv_writes_is_read(
    rows: list[str], separator: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Captions of any characters survive, unless they are lists or rows by themselves."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    writer.writerow(("image", "caption"))
    writer.writerows((f"p{n}.jpg", text) for n, text in enumerate(rows))
    path = tmp_path_factory.mktemp("table") / "c.csv"
    path.write_bytes(file.getvalue().encode())
    unified = [text.replace("\r\n", "\n").replace("\r", "\n").strip() for text in rows]
    assert [record.captions for record in read(path)] == [(text,) for text in unified]


def test_a_lone_json_line(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_bytes(lines().splitlines()[0])
    assert [record.captions for record in read(tmp_path)] == [("a red dog",)]
