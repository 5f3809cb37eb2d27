"""References and hypotheses: every usual form is read whole, and everything else is named."""

import gzip
import json
import os
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tushuo.errors import DataError
from tushuo.metrics.caption_json import read_json
from tushuo.metrics.picture_ids import match_pictures, require_same_pictures
from tushuo.metrics.read import read_hypotheses, read_references, read_signature

REFERENCES = {"1": ["a dog", "the dog runs"], "2": ["两个人"]}
HYPOTHESES = {"1": "a dog", "2": "两个人"}
ROWS = [{"image_id": int(name), "caption": text} for name, text in HYPOTHESES.items()]
ALL_ROWS = [
    {"image_id": int(name), "id": 7, "caption": text}
    for name, texts in REFERENCES.items()
    for text in texts
]


def lines(rows: Sequence[object]) -> str:
    return "\n".join(map(json.dumps, rows)) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        {"images": [{"id": 1}, {"id": 2}], "annotations": ALL_ROWS},
        {"annotations": ALL_ROWS},
        REFERENCES,
        {"1": REFERENCES["1"], "2": "两个人"},
        {name: [{"caption": text} for text in texts] for name, texts in REFERENCES.items()},
        {name: {"captions": texts} for name, texts in REFERENCES.items()},
        ALL_ROWS,
        [{"image": name, "caption": texts} for name, texts in REFERENCES.items()],
        {
            "signature": "metrics:1",
            "pictures": {
                name: {"caption": "x", "references": texts} for name, texts in REFERENCES.items()
            },
        },
    ],
)
def test_references_in_every_form(content: object, tmp_path: Path) -> None:
    path = tmp_path / "refs.json"
    path.write_text(json.dumps(content))
    assert read_references(path) == REFERENCES


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps({"results": ROWS}),
        json.dumps({"results": HYPOTHESES}),
        json.dumps({"predictions": ROWS, "model": "x"}),
        json.dumps(HYPOTHESES),
        json.dumps({name: [text] for name, text in HYPOTHESES.items()}),
        json.dumps({name: [{"caption": text}] for name, text in HYPOTHESES.items()}),
        json.dumps({name: {"caption": text} for name, text in HYPOTHESES.items()}),
        json.dumps([{"image_id": 1.0, "caption": "a dog"}, {"image_id": "2", "text": "两个人"}]),
        json.dumps([{"file_name": name, "caption": text} for name, text in HYPOTHESES.items()]),
        json.dumps([{"image": 1, "caption": "a dog", "score": float("nan")}, ROWS[1]]),
        lines(ROWS),
        lines(ROWS).replace("\n", "\r\n"),
        "".join(json.dumps(row, indent=1) for row in ROWS),
        json.dumps({"signature": "metrics:1", "pictures": {n: {"caption": c} for n, c in
                    HYPOTHESES.items()}}),
    ],
)  # fmt: skip
def test_hypotheses_in_every_form(content: str, tmp_path: Path) -> None:
    path = tmp_path / "hyps.json"
    path.write_text(content)
    assert read_hypotheses(path) == HYPOTHESES


def test_one_line_of_json_lines_is_one_row(tmp_path: Path) -> None:
    """As {id: caption}, it would be the two pictures ``image`` and ``caption``."""
    path = tmp_path / "hyps.jsonl"
    path.write_text('{"image": "1.jpg", "caption": "a dog"}\n')
    assert read_hypotheses(path) == {"1.jpg": "a dog"}


def test_large_numbers_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "hyps.json"
    path.write_text(f'[{{"image_id": {10**25 + 1}, "caption": "a"}}]')
    assert read_hypotheses(path) == {str(10**25 + 1): "a"}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gzip"]
)
def test_every_unicode_encoding_and_gzip(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "hyps.json"
    path.write_bytes(encode(json.dumps(HYPOTHESES, ensure_ascii=False), encoding))
    assert read_hypotheses(path) == HYPOTHESES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("[]", "has no captions; expected"),
        ('{"annotations": []}', "has no captions; expected"),
        ('{"images": [{"id": 1}]}', "lists images without annotations"),
        ('{"annotations": [], "results": []}', "has both annotations and results"),
        ('{"annotations": null}', "annotations is null; expected a list"),
        ('{"1": []}', "no captions of 1 picture (1)"),
        ('{"1": null}', "the caption of picture 1 is null"),
        ('{"1": 5}', "the caption of picture 1 is the number 5; expected text"),
        ('{"1": true}', "the caption of picture 1 is true"),
        ('{"1": NaN}', "the caption of picture 1 is NaN, a missing value"),
        ('{"1": [-Infinity]}', "the caption of picture 1 is an infinite number"),
        ('{"1": [["a"]]}', "the caption of picture 1 is a list"),
        ('{"1": {"a": 1}}', "the caption of picture 1 is an object with the keys 'a'"),
        ('{"1": {}}', "the caption of picture 1 is an empty object"),
        ('{"1": ["a", "b"]}', "more than one caption of 1 picture (1); keep one"),
        ('[{"image_id": 1, "caption": "a"}, {"image_id": "1", "caption": "a"}]', "more than one"),
        ('[{"image_id": 7, "caption": null}]', "picture 7 (entry 1) is null; expected text"),
        ('[{"image_id": true, "caption": "a"}]', "the image id of entry 1 is true"),
        ('[{"image_id": null, "caption": "a"}]', "the image id of entry 1 is null"),
        ('[{"image_id": "", "caption": "a"}]', "the image id of entry 1 is the text ''"),
        ('[{"image_id": [1], "caption": "a"}]', "the image id of entry 1 is a list"),
        ('[{"image_id": 1.5, "caption": "a"}]', "the image id of entry 1 is the number 1.5"),
        ('[{"image_id": NaN, "caption": "a"}]', "the image id of entry 1 is NaN"),
        ('[{"image_id": 1e400, "caption": "a"}]', "the image id of entry 1 is an infinite"),
        ('[{"image_id": 1e25, "caption": "a"}]', "the number 1e+25 (rounded"),
        ('[{"image_id": 1}]', "entry 1 is an object with the keys 'image_id'; expected"),
        ('["a dog"]', "entry 1 is the text 'a dog'; expected an object with image_id"),
        ('"a dog"', "entry 1 is the text 'a dog'; expected an object with image_id"),
        ("5", "entry 1 is the number 5; expected an object"),
        ('{"1": "a"}\n{"2": "b"}', "entry 1 is an object with the keys '1'"),
        ('[{"image": 1, "caption": "a"}][]', "entry 1 is a list"),
        ('{"1": "a", "1": "b"}', "has the key '1' twice in one object"),
        ('[{"image_id": 1, "image_id": 2, "caption": "a"}]', "has the key 'image_id' twice"),
        (r'{"1": "a \ud83d"}', r"picture 1 contains '\ud83d', half of a surrogate pair"),
        (r'{"\ude00": "a"}', r"picture '\ude00' contains '\ude00', half"),
        ("{'1': 'a'}", "is not JSON in line 1, column 2 (expecting property name"),
        ('{"1": "a",', "is not JSON"),
        ("a dog\na cat", "is not JSON in line 1, column 1 (expecting value); expected"),
        ("[" * 100_000, "nested too deeply"),
        ('{"1": ' + "9" * 5000 + "}", "number of too many digits"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_in_one_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "hyps.json"
    path.write_text(content)
    with pytest.raises(DataError) as error:
        read_hypotheses(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"1": "一只狗"}'.encode("gb18030"),
            "is not UTF-8 text, byte 11 is 0xb9; save it as UTF-8",
        ),
        ('{"1": "café"}'.encode("latin-1"), "is not UTF-8 text, byte 10 is 0xe9"),
        ("{}".encode("utf-16")[:-1], "is not UTF-16-LE text"),
        (gzip.compress(b'{"1": "a"}', mtime=0)[:-9], "cannot be decompressed by gzip"),
        (b"\x1f\x8bnothing", "cannot be decompressed by gzip"),
        (b"PK\x03\x04rest", "is a ZIP archive or a spreadsheet"),
        (b"\x80\x04}q.", "is a pickle"),
        (b"PAR1....", "is a Parquet file"),
    ],
)
def test_bytes_that_are_no_text_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "refs.json"
    path.write_bytes(content)
    for read in (read_references, read_hypotheses, read_signature):
        with pytest.raises(DataError, match=r"refs\.json") as error:
            read(path)
        assert message in str(error.value)


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist; expected a JSON file"):
        read_references(tmp_path / "gone.json")
    with pytest.raises(DataError, match="is caption data; expected JSON"):
        read_references(tmp_path)
    (tmp_path / "scores.json").write_text(json.dumps(HYPOTHESES))
    assert read_hypotheses(tmp_path) == HYPOTHESES


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_read_and_does_not_block_without_a_writer(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="is empty"):
        read_hypotheses(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(json.dumps(HYPOTHESES),))
    descriptor = os.open(pipe, os.O_RDWR)  # a reader, so that the writer is certain to be first
    writer.start()
    writer.join()
    read: list[Mapping[str, str]] = []
    reader = threading.Thread(target=lambda: read.append(read_hypotheses(pipe)))
    reader.start()
    reader.join(timeout=0.2)
    os.close(descriptor)
    reader.join()
    assert read == [HYPOTHESES]


def test_tables_and_folders_go_to_the_reader_of_data(tmp_path: Path) -> None:
    table, text = tmp_path / "captions.csv", tmp_path / "results.txt"
    table.write_text("image,caption\n1,a dog\n")
    text.write_text(json.dumps(HYPOTHESES))
    karpathy = tmp_path / "dataset.json"
    karpathy.write_text('{"images": [{"sentences": [{"raw": "a dog"}]}]}')
    for path in (table, tmp_path, karpathy):
        read = read_references(path, read_data=lambda path: {path.name: ["a", "b"]})
        assert read == {path.name: ["a", "b"]}
        with pytest.raises(DataError, match="more than one caption of 1 picture"):
            read_hypotheses(path, read_data=lambda path: {path.name: ["a", "b"]})
    assert read_hypotheses(text) == HYPOTHESES  # JSON under another name
    assert read_signature(table) is None


def test_the_signature_of_scores(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.write_text('{"signature": "metrics:1", "pictures": {}}')
    assert read_signature(tmp_path) == "metrics:1"
    path.write_text(json.dumps(HYPOTHESES))
    assert read_signature(path) is None


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ("000000000001", "1"),
        ("COCO_val2014_000000000001", "1"),
        ("COCO_val2014_000000000001.jpg", "1"),
        ("val2014/COCO_val2014_000000000001.JPG", "1"),
        ("photo.jpg", "photo"),
        ("C:\\pictures\\photo.jpeg", "photo.jpeg"),
        ("000", "0"),
        (" 1", "1"),
    ],
)
def test_pictures_are_matched_by_number_or_file_name(own: str, theirs: str) -> None:
    matched, notes = match_pictures({own: "a", "same": "b"}, ["same", theirs])
    assert matched == {theirs: "a", "same": "b"}
    assert f"such as {own} with {theirs}" in notes[0]
    assert match_pictures({theirs: "a"}, [theirs]) == ({theirs: "a"}, [])


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        (["01", "1"], ["1", "2"]),  # two become equal
        (["01"], ["1", "2"]),  # a part of them
        (["a.jpg", "a.png"], ["a", "b"]),
        (["cat"], ["dog"]),
    ],
)
def test_pictures_are_never_matched_by_guessing(own: list[str], theirs: list[str]) -> None:
    with pytest.raises(DataError, match="must be of the same pictures"):
        match_pictures(dict.fromkeys(own, "a"), theirs)


def test_different_pictures_are_listed() -> None:
    message = r"no hypothesis for 6 pictures \('a\\nb', 1, 2, 3, 4 and 1 more\) and no reference f"
    with pytest.raises(DataError, match=message):
        require_same_pictures(["x"], ["a\nb", *"12345"])


def encode(text: str, encoding: str) -> bytes:
    return gzip.compress(text.encode()) if encoding == "gzip" else text.encode(encoding)


Rows = list[tuple[str, str]]


def grouped(rows: Rows) -> dict[str, list[str]]:
    captions: dict[str, list[str]] = {}
    for name, text in rows:
        captions.setdefault(name, []).append(text)
    return captions


def as_objects(rows: Rows) -> list[dict[str, Any]]:
    return [{"image_id": name, "caption": text} for name, text in rows]


WRITERS: dict[str, Callable[[Rows], str]] = {
    "coco": lambda rows: json.dumps({"annotations": as_objects(rows)}),
    "rows": lambda rows: json.dumps(as_objects(rows), ensure_ascii=False, indent=1),
    "by picture": lambda rows: json.dumps(grouped(rows), ensure_ascii=False),
    "lines": lambda rows: lines(as_objects(rows)),
}
# "Ω" and the Chinese characters are no valid UTF-8 where GB 18030 has encoded them.
TEXTS = st.text(alphabet='a dog"\\{}[],:\n\t狗车Ω😀\x00', max_size=12)
NAMES = st.one_of(st.integers(0, 10**20).map(str), st.text("ab_狗", min_size=1, max_size=3))
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "gzip", "gb18030")


def read_or_error(
    content: bytes, folder: Path, read: Callable[[Path], dict[str, Any]]
) -> dict[str, Any] | None:
    """Return the captions; None where the file is refused by name."""
    path = folder / "captions.json"
    path.write_bytes(content)
    try:
        return read(path)
    except DataError as error:
        message = str(error)
    assert str(path) in message
    assert "\n" not in message
    return None


@settings(deadline=None, max_examples=300)
@given(
    rows=st.lists(st.tuples(NAMES, TEXTS), min_size=1, max_size=5),
    form=st.sampled_from(sorted(WRITERS)),
    encoding=st.sampled_from(ENCODINGS),
    damage=st.sampled_from(["none", "reordered", "cut", "doubled"]),
    seed=st.integers(0, 10**6),
)
def test_a_damaged_file_is_read_whole_or_refused(
    rows: Rows,
    form: str,
    encoding: str,
    damage: str,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    draw = random.Random(seed)
    if damage == "reordered":
        draw.shuffle(rows)
    content = encode(WRITERS[form](rows), encoding)
    whole, allowed = grouped(rows), [grouped(rows)]
    if damage == "cut":
        content = content[: draw.randrange(len(content))]
        if form == "lines":  # a cut between two lines cannot be seen
            allowed += [grouped(part) for part in accumulate([[row] for row in rows])]
    elif damage == "doubled":
        content += content
        allowed = [grouped(rows * 2)] if form == "lines" else []
    references = read_or_error(content, folder, read_references)
    hypotheses = read_or_error(content, folder, read_hypotheses)
    assert references is None or references in allowed
    assert hypotheses is None or {name: [text] for name, text in hypotheses.items()} in allowed
    if damage in ("none", "reordered") and encoding != "gb18030":
        assert references == whole
        assert (hypotheses is None) == any(len(texts) > 1 for texts in whole.values())


KEYS = st.sampled_from(
    ["image_id", "image", "caption", "captions", "annotations", "results", "pictures", "signature"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=40), VALUES.map(lambda value: json.dumps(value).encode())))
def test_any_content_is_captions_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    references = read_or_error(content, folder, read_references) or {}
    hypotheses = read_or_error(content, folder, read_hypotheses) or {}
    texts = [*hypotheses.values(), *chain.from_iterable(references.values())]
    for text in (*references, *hypotheses, *texts):
        assert isinstance(text, str)
        text.encode()
    assert all(references.values())


def test_json_lines_are_values(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text('{"a": NaN}\n[1e400] "\\ud83d"\n')
    first, second, third = read_json(path, "values")
    assert first["a"] != first["a"]
    assert second == [float("inf")]
    assert third == "\ud83d"
