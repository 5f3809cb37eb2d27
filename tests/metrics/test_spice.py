"""SPICE reports missing parts; a fake program checks its arguments, input and output."""

import json
import stat
import sys
from pathlib import Path

import pytest

from tushuo.errors import MissingPartError
from tushuo.metrics import official
from tushuo.metrics.score import score
from tushuo.metrics.spice import JAR, PARSER, Spice

CAPTIONS = {"1": "A dog runs.", "2": "two boats"}
REFERENCES = {"1": ["a dog runs", "a hound"], "2": ["a ship"]}
PROGRAM = """#!{python}
import json, sys
captions, output = sys.argv[4], sys.argv[6]
pictures = json.load(open(captions))
assert pictures[0] == {{"image_id": 0, "test": "a dog runs", "refs": ["a dog runs", "a hound"]}}
scores = [{{"image_id": p["image_id"], "scores": {{"All": {{"f": 0.5 / (1 + p["image_id"])}}}}}}
          for p in reversed(pictures)]
json.dump(scores, open(output, "w"))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(official, "find_spec", lambda name: spec)
    (tmp_path / "spice" / "lib").mkdir(parents=True)
    for name in (JAR, *PARSER):
        (tmp_path / "spice" / name).touch()
    return tmp_path


def install_java(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "java"
    program.write_text(text)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))


def test_the_program_runs_once_for_all_pictures(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_java(package, PROGRAM.format(python=sys.executable), monkeypatch)
    result = score(CAPTIONS, REFERENCES, metrics=["spice"])
    assert result.scores == {"SPICE": 0.375}
    assert result.images == {"1": {"SPICE": 0.5}, "2": {"SPICE": 0.25}}
    assert result.signature.endswith("|spice:1.0-java")
    assert json.loads(json.dumps(result.intervals))["SPICE"][0] >= 0.25


def test_each_missing_part_is_reported(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(MissingPartError, match="SPICE requires Java, which is not installed"):
        score(CAPTIONS, REFERENCES, metrics=["spice"])
    (package / "spice" / PARSER[1]).unlink()
    with pytest.raises(
        MissingPartError, match=r"3\.6\.0-models\.jar, which is missing; get it with: python -m"
    ):
        score(CAPTIONS, REFERENCES, metrics=["spice"])
    monkeypatch.setattr(official, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match="pip install 'tushuo"):
        score(CAPTIONS, REFERENCES, metrics=["spice"])


def test_a_program_that_fails(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_java(package, "#!/bin/sh\necho out of memory >&2\nexit 3\n", monkeypatch)
    with pytest.raises(MissingPartError, match="failed with exit code 3: out of memory"):
        score(CAPTIONS, REFERENCES, metrics=["spice"])
    assert Spice().total == "mean"
