"""Damaged caption data gives the right records or one sentence; what is missing is never hidden."""

import gzip
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.made import EXPECTED, FORMS, NAMES
from tushuo.data import Record, read
from tushuo.errors import TushuoError

TEXTS = [name for name in FORMS if "webdataset" not in name]
BY_LINES = [
    "flickr", "coco-cn", "flickr30k", "comma", "semicolon-bom", "tab", "tab-named-csv", "bar",
    "no-header", "json-lines", "json-lines-named-json", "json-lines-lists",
]  # fmt: skip
QUIET = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSHUO_CACHE", str(tmp_path_factory.mktemp("cache")))


def attempt(folder: Path, form: str, content: bytes) -> tuple[list[Record], list[str]] | None:
    """Read damaged content; None where it is refused in one sentence."""
    path = folder / FORMS[form][0]
    for old in folder.iterdir():
        old.unlink()
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        records, sentence = read_or_sentence(path)
    assert "\n" not in sentence
    assert len(sentence) < 700
    return None if sentence else (records, [str(warning.message) for warning in caught])


def read_or_sentence(path: Path) -> tuple[list[Record], str]:
    try:
        return read(path), ""
    except TushuoError as error:
        return [], str(error)


def name_of(record: Record) -> str:
    """Return which of the pictures a record is; names may lack their ending."""
    return record.path.name.removesuffix(".jpg")[-2:] + ".jpg"


@QUIET
@given(form=st.sampled_from(sorted(FORMS)), where=st.floats(0, 1))
def test_cut(form: str, where: float, tmp_path: Path) -> None:
    """What is read of a cut file stands at its beginning; only JSON and archives can tell."""
    content = FORMS[form][1]()
    result = attempt(tmp_path, form, content[: int(where * (len(content) - 1))])
    if result is None:
        return
    if "webdataset" in form:  # cut in the zeros behind its end
        assert {name_of(record): record.captions for record in result[0]} == EXPECTED
        return
    assert form in {*BY_LINES, "comma-spaces", "utf-16", "old-mac", "excel", "unknown-header",
                    "numbered", "list-in-cell", "python-list-in-cell"}  # fmt: skip
    names = [name_of(record) for record in result[0][:-1]]
    assert names == list(NAMES)[: len(names)]
    for record in result[0][:-1]:
        assert record.captions == EXPECTED[name_of(record)]


@QUIET
@given(
    form=st.sampled_from(BY_LINES),
    order=st.permutations(range(4)),
    doubled=st.booleans(),
)
def test_lines_in_another_order_and_doubled(
    form: str, order: list[int], doubled: bool, tmp_path: Path
) -> None:
    lines = FORMS[form][1]().splitlines(keepends=True)
    body = 3 if form == "json-lines-lists" else 4
    header, rows = lines[:-body], lines[-body:]
    assert len(header) <= 1
    moved = [rows[n] for n in order if n < body]
    content = b"".join(header + moved) * (1 + doubled)
    result = attempt(tmp_path, form, content)
    assert result is not None
    records, messages = result
    assert {name_of(record) for record in records} == set(NAMES)
    for record in records:
        assert sorted(record.captions) == sorted(EXPECTED[name_of(record)] * (1 + doubled))
    if doubled and header and form != "flickr30k":
        assert any("repeat the header" in message for message in messages)


@QUIET
@given(form=st.sampled_from(TEXTS), encoding=st.sampled_from(
    ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp500", "gzip", "crlf", "cr"]
))  # fmt: skip
def test_other_encodings(form: str, encoding: str, tmp_path: Path) -> None:
    raw = FORMS[form][1]()
    text = raw.decode("utf-16" if form == "utf-16" else "utf-8-sig").replace("\r", "\n")
    if encoding == "gzip":
        content = gzip.compress(raw)
    elif encoding in ("crlf", "cr"):
        content = text.replace("\n", "\r\n" if encoding == "crlf" else "\r").encode()
    else:
        content = text.encode(encoding)
    result = attempt(tmp_path, form, content)
    readable = encoding in ("utf-8-sig", "utf-16", "gzip", "crlf", "cr")
    assert (result is not None) == readable
    if result:
        assert {name_of(r): r.captions for r in result[0]} == EXPECTED


@QUIET
@given(
    form=st.sampled_from(sorted(FORMS)),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.binary(max_size=3), st.integers(0, 3)), max_size=4
    ),
)
def test_any_bytes(form: str, edits: list[tuple[float, bytes, int]], tmp_path: Path) -> None:
    """Replaced, inserted and removed bytes: whatever is read is a list of whole records."""
    content = bytearray(FORMS[form][1]())
    for where, inserted, removed in edits:
        start = int(where * len(content))
        content[start : start + removed] = inserted
    result = attempt(tmp_path, form, bytes(content))
    if result is not None:
        assert result[0]
        assert len({str(record.path) for record in result[0]}) == len(result[0])
        assert len({str(record.image_id) for record in result[0]}) == len(result[0])
        for record in result[0]:
            record.path.name.encode()


@QUIET
@given(content=st.binary(max_size=200), name=st.sampled_from(
    ["c.csv", "c.json", "c.jsonl", "c.tsv", "c.txt", "c.tar", "c.parquet", "c", "c.csv.gz"]
))  # fmt: skip
def test_any_file(content: bytes, name: str, tmp_path: Path) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    (tmp_path / name).write_bytes(content)
    for path in (tmp_path / name, tmp_path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            records, sentence = read_or_sentence(path)
        assert bool(records) != bool(sentence)
        assert len(sentence) < 700
