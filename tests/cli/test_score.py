"""``tushuo score``: the official forms in, the official names out."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.conftest import call
from tests.conftest import from_docs
from tushuo.cli.score import interval, number
from tushuo.metrics.meteor import java
from tushuo.metrics.score import METRICS

COCO = {
    "images": [{"id": 1}, {"id": 2}],
    "annotations": [
        {"id": 1, "image_id": 1, "caption": "A dog runs."},
        {"id": 2, "image_id": 1, "caption": "The dog is running on grass."},
        {"id": 3, "image_id": 2, "caption": "Two boats."},
    ],
}
RESULTS = [{"image_id": 1, "caption": "a dog runs"}, {"image_id": 2, "caption": "a boat"}]


def write(folder: Path, references: object, hypotheses: object) -> tuple[object, ...]:
    (folder / "ref.json").write_text(json.dumps(references))
    (folder / "res.json").write_text(json.dumps(hypotheses))
    return ("score", "--references", folder / "ref.json", "--hypotheses", folder / "res.json")


def test_both_forms_give_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = {"1": ["A dog runs.", "The dog is running on grass."], "2": ["Two boats."]}
    found = []
    for references, hypotheses in (
        (COCO, RESULTS),
        (plain, {"1": "a dog runs", "2": "a boat"}),
        (plain, {"1": ["a dog runs"], "2": ["a boat"]}),
    ):
        assert call(*write(tmp_path, references, hypotheses), "--json") == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1] == found[2]
    names = ["Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr", "CIDEr-D"]
    if find_spec("pycocoevalcap"):
        names.insert(4, "METEOR")
    assert list(found[0]["scores"]) == list(found[0]["images"]["2"]) == names
    assert found[0]["pictures"]["2"] == {"caption": "a boat", "references": ["Two boats."]}
    assert found[0]["signature"].startswith("metrics:")
    assert call(*write(tmp_path, COCO, RESULTS)) == 0
    assert "95 % interval" in capsys.readouterr().out


def test_a_metric_that_was_added_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        METRICS, "length_ratio", from_docs("metrics/length_ratio.py")["LengthRatio"]
    )
    people = tmp_path / "people.json"
    people.write_text('{"1": ["a dog runs"], "2": ["a cat sleeps"]}')
    (tmp_path / "said.json").write_text('{"1": "a dog", "2": "a cat"}')
    given = ("--references", people, "--hypotheses", tmp_path / "said.json", "--no-meteor")
    assert call("score", *given) == 0
    told = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert told[1:-1] == [
        "Bleu_1",
        "Bleu_2",
        "Bleu_3",
        "Bleu_4",
        "ROUGE_L",
        "CIDEr",
        "CIDEr-D",
        "LengthRatio",
    ]


@pytest.mark.parametrize(
    ("references", "hypotheses", "message"),
    [
        (COCO, RESULTS[:1], "no hypothesis for 1 picture (2)"),
        (COCO, [*RESULTS, RESULTS[0]], "1 picture (1) more than once"),
        (COCO, [{"image_id": 1}], "of another form"),
        (COCO, {"1": 5}, "of another form"),
        ({"1": "a dog"}, RESULTS, "of another form"),
        ({"annotations": [{"image_id": 1}]}, RESULTS, "of another form"),
    ],
)
def test_mistakes_are_one_sentence(
    references: object,
    hypotheses: object,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(*write(tmp_path, references, hypotheses)) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.strip().count("\n") == 0


def test_files_that_are_not_there_or_no_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text("{")
    for name, message in (("gone.json", "is not there"), ("x.json", "is not JSON")):
        arguments = ("--references", tmp_path / name, "--hypotheses", tmp_path / name)
        assert call("score", *arguments) == 2
        assert message in capsys.readouterr().err


def test_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, COCO, RESULTS)
    (tmp_path / "other.json").write_text(json.dumps({"1": "a cat", "2": "the sea"}))
    files = (tmp_path / "res.json", tmp_path / "other.json")
    assert call("compare", *files, "--references", tmp_path / "ref.json", "--json") == 0
    found = json.loads(capsys.readouterr().out)["ROUGE_L"]
    assert found["first"] > found["second"]
    assert (found["wins"], found["losses"]) == (1, 0)
    assert call("compare", *files, "--references", tmp_path / "ref.json") == 0
    assert "losses" in capsys.readouterr().out


def test_long_names_are_told_apart_by_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.json").write_text('{"1": ["a dog runs"], "2": ["a cat sleeps"]}')
    said = [tmp_path / f"captions-beam-{size}.json" for size in (5, 10)]
    for path in said:
        path.write_text('{"1": "a dog", "2": "a cat"}')
    assert call("compare", *said, "--references", tmp_path / "people.json", "--no-meteor") == 0
    heads = capsys.readouterr().out.split("Bleu_1")[0].split()
    assert "".join(heads).count("captions") == 2
    assert {"-beam-5", "-beam-10"} <= set(heads)


def test_scores_made_otherwise_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = write(tmp_path, COCO, RESULTS)
    for name, options in (("ptb", ()), ("characters", ("--tokenizer", "characters"))):
        assert call(*arguments, *options, "--json") == 0
        (tmp_path / f"{name}.json").write_text(capsys.readouterr().out)
    (tmp_path / "folder").mkdir()
    (tmp_path / "ptb.json").rename(tmp_path / "folder" / "scores.json")
    own, other = tmp_path / "folder", tmp_path / "characters.json"
    assert call("compare", own, other, "--references", tmp_path / "ref.json") == 2
    told = capsys.readouterr().err
    assert "tokenizer: characters against ptb" in told
    assert "folder differs" not in told
    assert call("compare", own, other, "--references", tmp_path / "ref.json", "--force") == 0
    assert call("compare", own, own, "--references", tmp_path / "ref.json") == 0
    (tmp_path / "ref.json").write_text(json.dumps({"1": ["a cow"], "2": ["a boat"]}))
    assert call("compare", own, own, "--references", tmp_path / "ref.json") == 2
    assert "hash: " in capsys.readouterr().err


def test_document_frequencies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, kept = write(tmp_path, COCO, RESULTS), tmp_path / "df.json"
    assert call(*arguments, "--save-df", kept) == 0
    assert "2 pictures hardly" in capsys.readouterr().err
    assert call(*arguments, "--df", kept, "--json") == 0
    assert "|df:references" not in json.loads(capsys.readouterr().out)["signature"]
    one = write(tmp_path, {"1": ["a dog runs"]}, {"1": "a dog"})
    assert call(*one) == 0
    assert "one picture" in capsys.readouterr().err
    assert call(*one, "--df", kept, "--no-meteor") == 0
    assert capsys.readouterr().err == ""


def test_what_cannot_be_told_is_a_stroke() -> None:
    assert [number(of) for of in (None, 3, 0.5)] == ["-", "3", "0.5000"]
    assert [interval(of) for of in (None, (0.25, 0.5))] == ["-", "0.2500 to 0.5000"]


def test_cider_of_one_picture_is_told_by_no_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The two say the same of it, for the same reason; frequencies of more pictures tell it."""
    scored = (*write(tmp_path, {"1": ["a dog runs"]}, {"1": "a dog"}), "--no-meteor")
    same = (tmp_path / "res.json", tmp_path / "res.json")
    compared = ("compare", *same, "--references", tmp_path / "ref.json", "--no-meteor")
    told = []
    for command in (scored, compared):
        assert call(*command) == 0
        shown = capsys.readouterr()
        rows = [line.split() for line in shown.out.splitlines() if "CIDEr" in line]
        assert len(rows) == 2
        assert all(set(row[1:]) == {"-"} for row in rows)
        told.append(shown.err)
    assert told[0] == told[1]
    assert "CIDEr cannot be told from one picture" in told[0]
    assert call(*compared, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["CIDEr"] is None
    assert found["Bleu_1"]["p"] == 1
    more = write(tmp_path, COCO, RESULTS)
    assert call(*more, "--save-df", tmp_path / "df.json", "--json") == 0
    write(tmp_path, {"1": ["a dog runs"]}, {"1": "a dog"})
    capsys.readouterr()
    assert call(*compared, "--df", tmp_path / "df.json", "--json") == 0
    told_by_more = capsys.readouterr()
    assert json.loads(told_by_more.out)["CIDEr"]["first"] > 0
    assert told_by_more.err == ""


def test_meteor_says_how_it_was_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pycocoevalcap", reason="wants pip install 'tushuo[official]'")
    assert call(*write(tmp_path, COCO, RESULTS), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"]["1"]["METEOR"] == 1
    assert 0 < found["scores"]["METEOR"] < 1
    assert found["signature"].endswith("|meteor:1.5-python")
    write(tmp_path, COCO, RESULTS)
    files = (tmp_path / "res.json", tmp_path / "res.json", "--references", tmp_path / "ref.json")
    assert call("compare", *files, "--json") == 0
    assert json.loads(capsys.readouterr().out)["METEOR"]["p"] == 1
    assert call("compare", *files) == 0
    assert "|meteor:1.5-python" in capsys.readouterr().out


def test_meteor_is_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    java._program.cache_clear()
    pytest.importorskip("pycocoevalcap", reason="wants pip install 'tushuo[official]'")
    arguments = write(tmp_path, COCO, RESULTS)
    assert call(*arguments, "--meteor-java") == 2
    told = capsys.readouterr()
    assert "install a Java runtime" in told.err
    assert told.out == ""
    assert call(*arguments, "--meteor", "--meteor-java") == 2
    assert "choose one way" in capsys.readouterr().err
    assert call(*arguments, "--meteor", "--tokenizer", "jieba") == 2
    assert "METEOR and SPICE know English alone" in capsys.readouterr().err
    assert call(*arguments, "--tokenizer", "jieba") == 0  # not asked for, so not missed
    assert "METEOR" not in "".join(capsys.readouterr())


def test_without_its_data_meteor_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tushuo.metrics.meteor.extra.find_spec", lambda name: None)
    arguments = write(tmp_path, COCO, RESULTS)
    assert call(*arguments, "--json") == 0
    told = capsys.readouterr()
    assert "METEOR is left out; for it: pip install 'tushuo[official]'" in told.err
    assert "METEOR" not in json.loads(told.out)["scores"]
    assert call(*arguments, "--no-meteor") == 0
    assert "METEOR" not in "".join(capsys.readouterr())
