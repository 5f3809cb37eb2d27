"""Captions without pictures are read with those of one picture together."""

import gzip
from pathlib import Path

import pytest

from tushuo.data.text import read_text
from tushuo.errors import DataError


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.jsonl",
            '{"id": 1, "captions": ["a dog", " "]}\n\n{"caption": "a cat"}\n',
            [("a dog",), ("a cat",)],
        ),
        (
            "a.txt",
            "1.jpg#0\ta dog\n2.jpg#0\ta cat\n1.jpg#1\tthe dog\n",
            [("a dog", "the dog"), ("a cat",)],
        ),
        ("b.txt", "一只狗\r\n\r\n一只猫\n", [("一只狗",), ("一只猫",)]),
        ("c", "a # sign\n", [("a # sign",)]),
        ("captions.txt", "image,caption\na.jpg,a dog\na.jpg,one dog\n", [("a dog", "one dog")]),
        ("a.json", '{"captions": ["a dog"]}\n{"captions": ["a cat"]}\n', [("a dog",), ("a cat",)]),
    ],
)
def test_formats(
    name: str, content: str, expected: list[tuple[str, ...]], compressed: bool, tmp_path: Path
) -> None:
    path = tmp_path / (f"{name}.gz" if compressed else name)
    path.write_bytes(gzip.compress(content.encode()) if compressed else content.encode())
    assert read_text(path) == expected


def test_caption_data_is_text_too(scenes: Path) -> None:
    assert len(read_text(scenes)) > 10
    assert read_text(scenes / "captions_train.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no captions; expected a caption a line"),
        (b"\xff\xfd\x00", "is not UTF-8 text"),
        (gzip.compress(b"a dog\n" * 99, mtime=0)[:-20], "cannot be read"),
    ],
    ids=["empty", "no UTF-8", "cut"],
)
def test_what_is_no_text_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_text(tmp_path / "a.txt")


def test_other_json_lines_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"captions": ["a"]}\n{"captions": "a"}\n')
    with pytest.raises(DataError, match=r'line 2: .*expected {"captions"'):
        read_text(tmp_path / "a.jsonl")
    with pytest.raises(DataError, match="does not exist"):
        read_text(tmp_path / "gone.txt")
