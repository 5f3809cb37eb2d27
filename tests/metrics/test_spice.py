"""SPICE: what is missing is named; a stand-in for the program shows what it is asked and told."""

import json
import stat
import sys
from pathlib import Path

import pytest

from tushuo.errors import MissingPartError
from tushuo.metrics import spice
from tushuo.metrics.score import score
from tushuo.metrics.spice import JAR, PARSER, Spice

CAPTIONS = {"1": "A dog runs.", "2": "two boats"}
REFERENCES = {"1": ["a dog runs", "a hound"], "2": ["a ship"]}
PROGRAM = """#!{python}
import json, sys
asked, told = sys.argv[4], sys.argv[6]
pictures = json.load(open(asked))
assert pictures[0] == {{"image_id": 0, "test": "a dog runs", "refs": ["a dog runs", "a hound"]}}
scores = [{{"image_id": p["image_id"], "scores": {{"All": {{"f": 0.5 / (1 + p["image_id"])}}}}}}
          for p in reversed(pictures)]
json.dump(scores, open(told, "w"))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(spice, "find_spec", lambda name: spec)
    (tmp_path / "spice" / "lib").mkdir(parents=True)
    for name in (JAR, *(f"lib/{part}" for part in PARSER)):
        (tmp_path / "spice" / name).touch()
    return tmp_path


def put_java(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "java"
    program.write_text(text)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))


def test_the_program_is_asked_once(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_java(package, PROGRAM.format(python=sys.executable), monkeypatch)
    found = score(CAPTIONS, REFERENCES, metrics=["spice"])
    assert found.scores == {"SPICE": 0.375}
    assert found.images == {"1": {"SPICE": 0.5}, "2": {"SPICE": 0.25}}
    assert found.signature.endswith("|spice:1.0-java")
    assert json.loads(json.dumps(found.intervals))["SPICE"][0] >= 0.25


def test_each_missing_part_is_named(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(MissingPartError, match="SPICE wants Java"):
        score(CAPTIONS, REFERENCES, metrics=["spice"])
    (package / "spice" / "lib" / PARSER[1]).unlink()
    with pytest.raises(MissingPartError, match=r"3\.6\.0-models\.jar, which is not there; fetch"):
        score(CAPTIONS, REFERENCES, metrics=["spice"])
    monkeypatch.setattr(spice, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match="pip install 'tushuo"):
        score(CAPTIONS, REFERENCES, metrics=["spice"])


def test_a_program_that_ends_early(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_java(package, "#!/bin/sh\necho out of memory >&2\nexit 3\n", monkeypatch)
    with pytest.raises(MissingPartError, match="ended with 3: out of memory"):
        score(CAPTIONS, REFERENCES, metrics=["spice"])
    assert Spice().total == "mean"
