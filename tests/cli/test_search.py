"""Every search by its options, and by their Python twin."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import tushuo
from tests.cli.conftest import call
from tushuo.search.config import SearchConfig


def test_every_search_from_the_command_line(
    run: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = scenes / "images" / "00000.jpg"

    def captioned(*options: object) -> dict[str, Any]:
        assert call("caption", picture, "--run", run, "--json", *options) == 0
        return json.loads(capsys.readouterr().out)

    beam = captioned("--search", "beam", "--beam-size", 4, "--n-best", 3)
    assert sorted(beam) == ["alternatives", "caption", "image", "log_prob"]
    assert len({beam["caption"], *(one["caption"] for one in beam["alternatives"])}) == 3
    assert sorted(beam["alternatives"][0]) == ["caption", "log_prob"]
    config = SearchConfig(
        search="beam", beam_size=4, n_best=3, no_immediate_repeat=True
    )  # the recipe's
    twin = tushuo.load(run).caption(picture, config=config)
    assert [twin.text, *(one.text for one in twin.alternatives)] == [
        beam["caption"], *(one["caption"] for one in beam["alternatives"])
    ]  # fmt: skip
    samples = ("--search", "sample", "--n-best", 3, "--top-k", 20, "--top-p", 0.9)
    assert (
        captioned(*samples) == captioned(*samples, "--seed", 0) != captioned(*samples, "--seed", 1)
    )
    assert captioned("--search", "diverse", "--groups", 5)["caption"]
    agreed = captioned("--search", "consensus", "--beam-size", 4, "--n-best", 4, "--mbr-samples", 9)
    four = captioned("--search", "beam", "--beam-size", 4, "--n-best", 4)
    every = [
        [one["caption"], *(o["caption"] for o in one["alternatives"])] for one in (agreed, four)
    ]
    assert sorted(every[0]) == sorted(every[1])
    word = beam["caption"].split()[-1]
    assert not captioned("--banned-endings", word)["caption"].endswith(word)
    assert word not in captioned("--banned-words", word)["caption"].split()
    force_decode = captioned("--search", "beam", "--required-words", "a", "--required-words", word)[
        "caption"
    ].split()
    assert {"a", word} <= set(force_decode)
    assert len(captioned("--min-words", 12, "--max-words", 12)["caption"].split()) == 12

    assert call("caption", picture, "--run", run, "--search", "beam", "--n-best", 2) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{picture}\t") for line in lines)
    for wrong, message in (
        (("--temperature", 0), "temperature was 0.0"),
        (("--banned-words", "gooose"), "'gooose' is not in the run's vocabulary"),
        (("--search", "greedy", "--n-best", 2), "greedy decoding gives one caption"),
    ):
        assert call("caption", picture, "--run", run, *wrong) == 2
        assert message in capsys.readouterr().err


def test_a_second_folder_after_run_is_no_picture(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = scenes / "images" / "00000.jpg"
    assert call("caption", picture, "--run", run, run) == 2
    assert f"{run} is a run folder, not a picture" in capsys.readouterr().err
    assert call("caption", tmp_path, "--run", run) == 2
    assert "expected files with an extension of" in capsys.readouterr().err


def test_several_runs_are_an_ensemble(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ("--store", run.parent / "store")
    other = ("--epochs", 1, "--seed", 1, "--decoder", "transformer", "--output", tmp_path / "b")
    assert call("train", scenes, *store, *other) == 0
    capsys.readouterr()
    arguments = (scenes, *store, "--run", run, "--run", tmp_path / "b", "--search", "beam")
    assert call("evaluate", *arguments, "--json") == 0
    signature = json.loads(capsys.readouterr().out)["signature"]
    assert "search:beam,beam_size=5,score=mean" in signature
    picture = scenes / "images" / "00000.jpg"
    assert call("caption", picture, "--run", run, "--run", tmp_path / "b") == 0
    assert capsys.readouterr().out.startswith(str(picture))

    few = ("--max-images", 10, "--epochs", 1, "--output", tmp_path / "c")
    assert call("train", scenes, *store, *few) == 0
    assert call("caption", picture, "--run", run, "--run", tmp_path / "c") == 2
    assert "differ in vocabulary" in capsys.readouterr().err


def test_an_old_run_loads_and_its_search_does_not_bind_the_training(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    made = json.loads((folder / "run.json").read_bytes())
    made["search"] = {"search": "sample", "temperature": 0.7, "seed": 3, "max_words": 40}
    (folder / "run.json").write_text(json.dumps(made))
    how = tushuo.load(folder).info.search
    assert how == SearchConfig(search="sample", temperature=0.7, seed=3)
    options = ("--store", run.parent / "store", "--output", folder, "--epochs", 2)
    assert call("train", scenes, *options, "--batch-size", 20) == 0
    assert json.loads((folder / "run.json").read_bytes())["search"] == made["search"]
