"""The commands, end to end, on drawn scenes with the default encoder."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from PIL import Image

import tushuo
import tushuo.data
from tests.cli.conftest import call
from tests.conftest import MeanEncoder
from tests.pictures.test_opening import BAD, GOOD
from tushuo import encoders
from tushuo.cli import SUMMARIES, app
from tushuo.decoders import DECODERS
from tushuo.encoders.inception_v3_weights import KNOWN
from tushuo.features.extract import extract
from tushuo.listing import SHOWN
from tushuo.runs.run import read_config
from tushuo.runtime import format_bytes
from tushuo.training.options import ModelOptions


def test_a_run_has_its_curves(run: Path) -> None:
    assert Image.open(run / "loss.png").size[0] > 500
    assert len((run / "log.csv").read_text().splitlines()) == 3
    assert list((run / "tensorboard").iterdir())
    assert json.loads((run / "samples" / "epoch_002.json").read_bytes())


def test_captions(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.jpg").write_text("<html>")
    pictures = sorted((scenes / "images").iterdir())[:3]
    options = ("--run", run, "--json", "--attention", tmp_path / "panels")
    bad = (tmp_path / "bad.jpg", "ftp://nowhere/a.jpg")
    assert call("caption", *pictures, *bad, *options) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [sorted(line) for line in lines] == [["caption", "image", "log_prob"]] * 3 + [
        ["error", "image"]
    ] * 2
    assert "only http:// and https:// are supported" in lines[4]["error"]
    assert len(list((tmp_path / "panels").iterdir())) == 3
    alone = tushuo.load(run).caption(pictures[0])
    assert alone.text == lines[0]["caption"]
    assert alone.log_prob == pytest.approx(lines[0]["log_prob"], abs=1e-3)
    assert alone.attention.shape == (len(alone.words), 9, 9)


def test_standard_input_and_output_file(
    run: Path, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (scenes / "images" / "00000.jpg").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert (
        call("caption", "-", "--run", run, "--search", "sample", "--output", tmp_path / "c.txt")
        == 0
    )
    assert (tmp_path / "c.txt").read_text().startswith("-\t")


def test_train_offers_every_decoder() -> None:
    offered = get_type_hints(ModelOptions)["decoder"]
    assert get_args(get_args(offered)[0]) == tuple(DECODERS)


@pytest.mark.parametrize(
    ("decoder", "own"),
    [
        ("top_down", {}),
        ("transformer", {"layers": 1}),
        ("show_attend_gru", {"gate": True, "output": "deep"}),
    ],
)
def test_another_decoder_of_another_size(
    decoder: str,
    own: dict[str, object],
    run: Path,
    scenes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--store", run.parent / "store", "--decoder", decoder, "--epochs", 1)
    sizes = ("--decoder-settings.units", 32, "--decoder-settings.dropout", 0.5)
    more = [word for name in own for word in (f"--decoder-settings.{name}", own[name])]
    assert call("train", scenes, "--output", tmp_path / "run", *options, *sizes, *more) == 0
    config = read_config(tmp_path / "run")
    assert config.decoder_settings.items() >= own.items()
    assert (config.decoder, config.decoder_settings["units"]) == (decoder, 32)
    assert config.decoder_settings["dropout"] == 0.5
    captioned = tushuo.load(tmp_path / "run").caption(scenes / "images" / "00000.jpg")
    assert captioned.attention.shape == (len(captioned.words), 9, 9)
    capsys.readouterr()
    wrong = ("--decoder-settings.arms", 2)
    assert call("train", scenes, "--output", tmp_path / "other", *options, *wrong) == 2
    assert f"{decoder} has no setting 'arms'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("caption", "x.jpg", "--run", "nowhere"), "is not a run folder"),
        (("caption", "--run", "nowhere"), "no picture was given"),
        (("caption", "x.jpg", "--run", "r", "--saerch"), "unknown option --saerch"),
        (("extract", "d", "--output", "s", "--run", "r", "--encoder", "e"), "leave one of them"),
        (("train", "d", "--output", "r", "--store", "s", "--encoder", "e"), "encoder cannot be"),
        (("train", "d", "--output", "r", "--vocabulary", "0"), "vocabulary was 0"),
        (
            ("compare", "a", "b", "--references", "r", "--seed", "-1"),
            "seed must be at least 0, got -1",
        ),
        (("extract", "nowhere", "--output", "s"), "does not exist"),
        (("train", "nowhere", "--output", "s"), "does not exist"),
        (("train", "nowhere", "--output", "s", "--epochs", "0"), "above 0"),
    ],
)
def test_mistakes_are_one_sentence(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    printed = capsys.readouterr().err.strip()
    assert message in printed
    assert printed.count("\n") == 0


def test_a_limit_below_one_is_refused(scenes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("extract", "train"):
        assert call(command, scenes, "--output", "s", "--max-captions", "0") == 2
        assert "at least 1" in capsys.readouterr().err


def test_wrong_options_are_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", "x", "--epohs", "3", "--output", "r") == 2


def test_data_check(scenes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "check", scenes, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 40
    splits = [file["splits"] for file in found["files"]]
    assert splits == [{"train": 32}, {"val": 4}, {"test": 4}]
    assert found["passed_over"] == {}
    needs = found["needs"]
    assert (needs["encoder"], needs["store_bytes"]) == ("efficientnet_lite2", 40 * 81 * 1280 * 2)
    assert 10**8 < needs["training_bytes"] < needs["training_held_bytes"] < 10**10
    assert call("data", "check", scenes) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for row, key in (
        ("working memory of train, about", "training_bytes"),
        ("resident memory of train, up to", "training_held_bytes"),
    ):
        assert f"{row} {format_bytes(needs[key])}" in printed


def test_data_check_begins_with_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = "image;caption;split\na.jpg;a dog;train\na.jpg;one dog;train\nb.jpg;a cat;val\n"
    (tmp_path / "captions.csv").write_text(content)
    (tmp_path / "classes.csv").write_text("id,name\n1,dog\n")
    call("data", "check", tmp_path)
    assert capsys.readouterr().out.splitlines()[:3] == [
        "read captions.csv as table: pictures 2, captions 3, splits train 1, val 1",
        "passed over classes.csv: has no columns of pictures and captions, such as image and "
        "caption; it begins with 'id,name'",
        "",
    ]
    (tmp_path / "captions.csv").write_text(content + "a.jpg;a dog;test\n")
    assert call("data", "check", tmp_path) == 2
    assert "pictures in two splits: 1, such as a.jpg in train and test" in capsys.readouterr().err


def test_commands_name_the_files_of_a_folder(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("extract", scenes, "--output", tmp_path / "store", "--encoder", "unknown")
    files = "captions_train.json, captions_val.json, captions_test.json"
    assert f"tushuo: read {files} as MS-COCO JSON\n" in capsys.readouterr().err


def test_data_check_of_no_captions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "captions.csv").write_text("image,caption\n")
    assert call("data", "check", tmp_path / "captions.csv") == 2
    assert "captions.csv has no pictures; name another file" in capsys.readouterr().err
    (tmp_path / "captions.json").write_text('{"images": [{"id": 1}], "annotations": []}')
    assert call("data", "check", tmp_path / "captions.json") == 2
    printed = capsys.readouterr()
    assert printed.out.count("unknown: there are no words to train") == 2
    assert "error: the data has no captions" in printed.err


def test_data_check_of_captions_too_few_for_the_recipe(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other results are printed, and why a training would fail."""
    rows = [
        f"{scenes}/images/0000{n}.jpg,{captioned}"
        for n, captioned in enumerate(("a dog", "two cats"))
    ]
    (tmp_path / "captions.csv").write_text("\n".join(["image,caption", *rows]))
    assert call("data", "check", tmp_path / "captions.csv", "--recipe", "small") == 0
    capsys.readouterr()
    assert call("data", "check", tmp_path / "captions.csv", "--recipe", "best") == 2
    printed = capsys.readouterr()
    assert "near-duplicate pictures" in printed.out
    assert "error: train would fail: no word occurs 4 times" in printed.err
    assert "lower --min-count, or add more captions" in printed.err


def test_data_check_of_unknown_ids(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {
        "images": [{"id": 1, "file_name": "1.jpg"}],
        "annotations": [{"image_id": n, "caption": "a cat"} for n in (1, 7, 7, 8)],
    }
    (tmp_path / "captions.json").write_text(json.dumps(made))
    assert call("data", "check", tmp_path / "captions.json") == 2
    assert "3 of 4 annotations refer to pictures that are not among its images (7, 8)" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_info(
    columns: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row a part; what is missing stands below, with addresses that can be copied."""
    for name in ("HOME", "TUSHUO_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("COLUMNS", str(columns))
    assert call("info") == 0
    table, below = capsys.readouterr().out.split("\n\n")
    rows = (
        ("efficientnet_lite2", "ready: 9 x 9 regions of 1280 numbers"),
        ("inception_v3", "not usable yet; see below"),
    )
    for part, printed in rows:
        assert [printed in line for line in table.splitlines() if f"encoder {part} " in line] == [
            True
        ]
    assert " ".join(below.split()).startswith("encoder inception_v3: the weights of inception_v3")
    assert all(known.address in below.split() for known in KNOWN)
    assert all(len(line) <= columns for line in below.splitlines() if "https://" not in line)


@pytest.mark.parametrize(
    "command", [("extract",), ("data", "check"), ("compare",), ("blend",), ("pack",)]
)
def test_help_explains_every_option(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert call(*command, "--help") == 0
    printed = capsys.readouterr().out
    assert "*  " in printed
    assert not re.search(r"--\w+ +\[required\]", printed)
    assert "--empty-" not in printed


def test_info_names_the_extra_that_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    of = sys.modules["tushuo.cli.info"]  # whose name in its package is the command
    monkeypatch.setattr(of, "EXTRAS", {"no_such": "pip install 'tushuo[extra]'"})
    assert call("info") == 0
    printed = "".join(capsys.readouterr().out.split())
    assert "notinstalled;pipinstall'tushuo[extra]'" in printed


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no such name can be made")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_file_name_that_is_no_utf_8_or_has_lines_stops_nothing(
    run: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    for name in (b"a\xff.jpg", b"b\xfe.png", b"c\nd.jpg"):
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_bytes(GOOD["jpeg"][0])
    printed = tmp_path / "captions.txt"
    assert call("caption", tmp_path, "--run", run, "--output", printed, *options) == 0
    first, second, third = printed.read_text().splitlines()
    assert ("udcff" in first, "udcfe" in second, r"c\nd.jpg" in third) == (True, True, True)


def test_the_lesson_s_recipe(
    scenes: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its choices land in run.json, options go before them, and its run samples by default."""
    store = ("--store", run.parent / "store", "--output", tmp_path / "run")
    assert call("train", scenes, *store, "--recipe", "lesson", "--epochs", 1) == 0
    made = json.loads((tmp_path / "run" / "run.json").read_bytes())
    sizes = {"embedding": 256, "units": 512, "dropout": 0.0, "output": "two_layers"}
    assert made["decoder_settings"].items() >= sizes.items()
    training = made["training"]
    assert (training["epochs"], training["batch_size"], training["clip_norm"]) == (1, 64, None)
    assert made["search"]["search"] == "sample"
    capsys.readouterr()
    picture = scenes / "images" / "00000.jpg"
    captioned = []
    for options in ([], ["--search", "sample"], ["--search", "greedy"]):
        assert call("caption", picture, "--run", tmp_path / "run", *options) == 0
        captioned.append(capsys.readouterr().out)
    assert captioned[0] == captioned[1] != captioned[2]


def test_the_lesson_s_encoder_names_its_weights_files(
    scenes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tushuo.fetch.TRIES", 1)
    monkeypatch.setattr("tushuo.fetch.WAIT_SECONDS", 0.0)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert call("extract", scenes, "--output", tmp_path / "store", "--recipe", "lesson") == 2
    printed = capsys.readouterr().err
    for part in ("notop.h5", "https://", str(tmp_path.parent), "--encoder efficientnet_lite2"):
        assert part in printed


def test_on_the_fly_names_bad_pictures_at_the_beginning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(6):
        Image.new("RGB", (64, 64), (40 * number, 0, 0)).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_text("a red picture")
    (tmp_path / "3.png").write_text("<html>")
    options = ("--output", tmp_path / "run", "--epochs", 1)
    assert call("train", tmp_path, *options) == 0
    printed = capsys.readouterr().err
    assert "left out" in printed
    assert "3.png is not a picture" in printed


def test_an_output_that_cannot_be_written(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    for command in (("extract", scenes), ("data", "scenes")):
        place = ("--output", tmp_path / "file") if command[0] == "extract" else ()
        target = () if place else (tmp_path / "file",)
        assert call(*command, *target, *place) == 2
        printed = capsys.readouterr().err.splitlines()[-1]
        assert printed.startswith("tushuo: ")
        assert "choose another path" in printed
    assert (tmp_path / "file").read_text() == "mine"


def test_a_warning_is_one_line(
    scenes: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.csv").write_text(
        "\n".join(f"{scenes}/images/{n:05d}.jpg,a {w} thing" for n in range(9) for w in "abc")
    )
    options = ("--split-by", "caption", "--epochs", 1, "--output", tmp_path / "run")
    assert call("train", tmp_path / "c.csv", *options) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "split by caption" in line]
    assert len(lines) == 1
    assert lines[0].startswith("tushuo: warning: ")


def test_help_describes_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == 0
    printed = " ".join(capsys.readouterr().out.split())
    for path, summary in SUMMARIES.items():
        name = path.partition(":")[0].replace("_", "-")
        assert str(app[name].help).partition("\n")[0] == summary
        assert f"{name} {summary.split()[0]}" in printed


def test_odd_pictures_through_every_command(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of many kinds gets a caption or its own named error; none ends a command."""
    folder = tmp_path / "odd 图"
    folder.mkdir()
    for number, (name, made) in enumerate({**GOOD, **BAD}.items()):
        (folder / f"{number:02d} {name}.jpg").write_bytes(made[0])
        (folder / f"{number:02d} {name}.txt").write_text("a red picture")
    bad = {f"{len(GOOD) + place:02d} {name}.jpg" for place, name in enumerate(BAD)}

    assert call("data", "check", folder, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {Path(path).name for path in found["undecodable"]} == bad

    assert call("extract", folder, "--output", tmp_path / "store") == 1
    printed = capsys.readouterr().err
    assert sum(name in printed for name in bad) == SHOWN
    assert f"{len(BAD) - SHOWN} more pictures failed; to name them all: tushuo data" in printed
    assert "Traceback" not in printed

    assert call("caption", folder, "--run", run, "--json") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == len(GOOD) + len(BAD)
    assert {Path(line["image"]).name for line in lines if "error" in line} == bad

    options = ("--store", tmp_path / "store", "--output", tmp_path / "run", "--epochs", 1)
    assert call("train", folder, *options) == 0
    printed = capsys.readouterr().err
    trained, checked = map(int, re.findall(r"(\d+) (?:training|validation) pictures", printed))
    assert trained + checked == len(GOOD)
    assert printed.count("left out: ") == SHOWN
    assert f"{len(BAD) - SHOWN} more pictures left out; to name them all" in printed


def test_evaluate(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every picture of the split once; its results file has the same score by `tushuo score`."""
    store, results = run.parent / "store", tmp_path / "results.json"
    arguments = ("evaluate", scenes, "--run", run, "--store", store)
    assert call(*arguments, "--output", results, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    records = [record for record in tushuo.data.read(scenes) if record.split == "val"]
    assert list(found["images"]) == [str(record.image_id) for record in records]
    assert list(found["baselines"]) == ["frequent", "neighbour", "person"]
    assert "search:beam,beam_size=5,score=mean" in found["signature"]
    assert 0 < found["diagnostics"]["distinct_1"] <= 1

    (tmp_path / "ref.json").write_text(
        json.dumps({str(record.image_id): record.captions for record in records})
    )
    files = ("--references", tmp_path / "ref.json", "--hypotheses", results)
    assert call("score", *files, "--json") == 0
    assert json.loads(capsys.readouterr().out)["scores"] == found["scores"]

    captioner = tushuo.load(run)
    captioned = {row["image_id"]: row["caption"] for row in json.loads(results.read_text())}
    for record in records:
        assert captioned[record.image_id] == captioner.caption(record.path).text

    assert call(*arguments, "--output", tmp_path / "all") == 0
    capsys.readouterr()
    kept = json.loads((tmp_path / "all" / "scores.json").read_bytes())
    assert kept == found
    assert (tmp_path / "all" / "captions.json").read_bytes() == results.read_bytes()
    one = kept["pictures"][str(records[0].image_id)]
    assert (one["caption"], one["path"]) == (captioned[records[0].image_id], str(records[0].path))
    assert one["references"] == list(records[0].captions)
    assert len(base64.b64decode(one["attention"])) == 81 * len(one["words"])
    assert len(kept["curve"]) == 2
    assert kept["run"]["encoder"]["rows"] == 9

    several = ("--search", "sample", "--n-best", 3)
    assert call(*arguments, *several, "--output", tmp_path / "samples") == 0
    assert "mbleu" in capsys.readouterr().out
    kept = json.loads((tmp_path / "samples" / "scores.json").read_bytes())
    assert all(len(one["alternatives"]) == 2 for one in kept["pictures"].values())
    assert 0 < kept["diagnostics"]["div_1"] <= 1

    assert call("evaluate", scenes, "--run", run) == 0  # regions made on the fly
    printed = capsys.readouterr().out
    assert "neighbour" not in printed
    assert "unfinished" in printed


@pytest.mark.slow
def test_two_processes_evaluate_as_one(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each captions its share; the first scores every picture once, and reports it once."""
    records = tushuo.data.read(scenes)
    rows = [f"{one.path},a thing,{one.split}" for one in records]
    table = tmp_path / "c.csv"
    table.write_text("\n".join(["image,caption,split", *rows, "gone.jpg,a cat,val"]))
    arguments = ("evaluate", table, "--run", run, "--json")
    assert call(*arguments, "--output", tmp_path / "one") == 1
    capsys.readouterr()
    torchrun = ("torch.distributed.run", "--standalone", "--nproc-per-node", 2, "-m")
    command = (
        sys.executable,
        "-m",
        *torchrun,
        "--",
        "tushuo",
        *arguments,
        "--output",
        tmp_path / "two",
    )
    both = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert both.stderr.count("skipped: ") == 1
    assert both.stdout.count('"signature"') == 1
    one, two = (
        json.loads((tmp_path / name / "scores.json").read_bytes()) for name in ("one", "two")
    )
    assert list(two["pictures"]) == list(one["pictures"])
    assert two["scores"] == one["scores"]


def test_evaluate_names_what_it_leaves_out(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{scenes}/images/{n:05d}.jpg,a blue ball,val" for n in range(3)]
    table = tmp_path / "c.csv"
    table.write_text("\n".join(["image,caption,split", *rows, "gone.jpg,a cat,val"]))
    assert call("evaluate", table, "--run", run) == 1
    printed = capsys.readouterr()
    assert "skipped: " in printed.err
    assert "gone.jpg" in printed.err
    assert "images:3" in printed.out
    assert call("evaluate", table, "--run", run, "--split", "test") == 2
    assert "no pictures of the test split" in capsys.readouterr().err


def test_a_store_of_a_part_of_the_split(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pictures that it has are used, which one line and the results state; none: refused."""
    records = tushuo.data.read(scenes)
    val = [record for record in records if record.split == "val"]
    train = [record for record in records if record.split == "train"]
    encoder = encoders.load("efficientnet_lite2")
    for name, part in (("part", val[:2]), ("none", train[:2]), ("both", [*train[:4], *val[:2]])):
        extract(part, encoder, tmp_path / name)
    arguments = ("evaluate", scenes, "--run", run, "--store", tmp_path / "part")
    assert call(*arguments, "--output", tmp_path / "results") == 0
    printed = capsys.readouterr()
    note = f"the store has 2 of the {len(val)} pictures of the val split"
    assert [line for line in printed.err.splitlines() if "store" in line] == [
        f"note: {note}, and only these are used; for all of them, extract without --max-images, "
        "or leave --store out"
    ]
    assert "skipped" not in printed.err
    kept = json.loads((tmp_path / "results" / "scores.json").read_bytes())
    assert len(kept["pictures"]) == 2
    assert "images:2|" in kept["signature"]
    assert kept["signature"].endswith(f"|part:2of{len(val)}")
    assert any(note in one for one in kept["notes"])
    assert list(kept["baselines"]) == ["frequent", "person"]  # no training picture is near

    options = ("--store", tmp_path / "part", "--share", 0.2, "--figure", tmp_path / "f.png")
    assert call("deletion-test", scenes, "--run", run, *options) == 0
    assert printed_once(capsys, note)
    assert call("deletion-test", scenes, "--run", run, *options, "--pictures", 2) == 0
    assert note not in capsys.readouterr().err

    assert call(*arguments[:-1], tmp_path / "none") == 2
    assert f"none of the {len(val)} pictures of the val split" in capsys.readouterr().err

    options = ("--output", tmp_path / "run", "--epochs", 1)
    assert call("train", scenes, "--store", tmp_path / "both", *options) == 0
    absent = f"{len(records) - 6} of {len(records)} pictures are left out, because they are not in"
    assert printed_once(capsys, absent)


def printed_once(capsys: pytest.CaptureFixture[str], line: str) -> bool:
    return capsys.readouterr().err.count(line) == 1


def test_evaluate_refuses_a_store_of_another_encoder(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extract(tushuo.data.read(scenes), MeanEncoder(), tmp_path / "store")
    assert call("evaluate", scenes, "--run", run, "--store", tmp_path / "store") == 2
    assert "differ in encoder" in capsys.readouterr().err


def test_evaluate_uses_the_run_s_split_and_refuses_training_pictures(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Limits and seed need not be repeated; pictures of both splits are refused."""
    rows = [f"{scenes}/images/{n:05d}.jpg,a {w} thing" for n in range(30) for w in "abc"]
    table = tmp_path / "c.csv"
    table.write_text("\n".join(["image,caption", *rows]))
    extract(tushuo.data.read(table), encoders.load("efficientnet_lite2"), tmp_path / "store")
    options = ("--store", tmp_path / "store", "--epochs", 1, "--max-images", 20, "--seed", 3)
    for by in ("picture", "caption"):
        assert call("train", table, *options, "--split-by", by, "--output", tmp_path / by) == 0
    capsys.readouterr()

    arguments = ("evaluate", table, "--store", tmp_path / "store")
    assert call(*arguments, "--run", tmp_path / "picture", "--json") == 0
    split = json.loads((tmp_path / "picture" / "split.json").read_bytes())
    assert (len(split["train"]), len(split["val"])) == (16, 4)
    assert sorted(json.loads(capsys.readouterr().out)["images"]) == sorted(split["val"])

    assert call(*arguments, "--run", tmp_path / "caption") == 2
    assert "would be too high" in capsys.readouterr().err

    overlap = [f"{name},a b thing,val" for name in split["train"][:5]]
    (tmp_path / "d.csv").write_text("\n".join(["image,caption,split", *overlap]))
    assert call("evaluate", tmp_path / "d.csv", "--run", tmp_path / "picture") == 2
    assert "was trained on 5 of the 5 pictures" in capsys.readouterr().err

    (tmp_path / "picture" / "split.json").unlink()
    assert call(*arguments, "--run", tmp_path / "picture") == 2
    assert "split.json cannot be read" in capsys.readouterr().err
