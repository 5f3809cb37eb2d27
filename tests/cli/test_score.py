"""``tushuo score`` and ``compare``: official file formats in, official score names out."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.conftest import call
from tests.conftest import from_docs
from tushuo.cli.score import format_interval, format_number
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


def test_all_file_formats_give_the_same_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = {"1": ["A dog runs.", "The dog is running on grass."], "2": ["Two boats."]}
    outputs = []
    for references, hypotheses in (
        (COCO, RESULTS),
        (plain, {"1": "a dog runs", "2": "a boat"}),
        (plain, {"1": ["a dog runs"], "2": ["a boat"]}),
    ):
        assert call(*write(tmp_path, references, hypotheses), "--json") == 0
        outputs.append(json.loads(capsys.readouterr().out))
    assert outputs[0] == outputs[1] == outputs[2]
    names = ["Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr", "CIDEr-D"]
    if find_spec("pycocoevalcap"):
        names.insert(4, "METEOR")
    assert list(outputs[0]["scores"]) == list(outputs[0]["images"]["2"]) == names
    assert outputs[0]["pictures"]["2"] == {"caption": "a boat", "references": ["Two boats."]}
    assert outputs[0]["signature"].startswith("metrics:")
    assert call(*write(tmp_path, COCO, RESULTS)) == 0
    assert "95 % interval" in capsys.readouterr().out


def test_an_added_metric_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        METRICS, "length_ratio", from_docs("metrics/length_ratio.py")["LengthRatio"]
    )
    people = tmp_path / "people.json"
    people.write_text('{"1": ["a dog runs"], "2": ["a cat sleeps"]}')
    (tmp_path / "captions.json").write_text('{"1": "a dog", "2": "a cat"}')
    arguments = ("--references", people, "--hypotheses", tmp_path / "captions.json", "--no-meteor")
    assert call("score", *arguments) == 0
    printed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert printed[1:-2] == [
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
        (COCO, [*RESULTS, RESULTS[0]], "more than one caption of 1 picture (1)"),
        (COCO, {"1": ["a", "b"], "2": ["c", "d"]}, "more than one caption of 2 pictures (1, 2)"),
        (COCO, [{"image_id": 1}], "entry 1 is an object with the keys 'image_id'; expected"),
        (COCO, {"1": 5}, "the caption of picture 1 is the number 5; expected text"),
        (COCO, [{"image_id": 1, "caption": float("nan")}], "picture 1 (entry 1) is NaN"),
        (COCO, {"1": "half \ud83d"}, "half of a surrogate pair"),
        (COCO, [], "res.json has no captions"),
        ({"1": []}, {"1": "a"}, "ref.json has no captions of 1 picture (1); add one"),
        ({"annotations": [{"image_id": 1}]}, RESULTS, "entry 1 is an object with the keys"),
    ],
)
def test_errors_are_one_sentence(
    references: object,
    hypotheses: object,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(*write(tmp_path, references, hypotheses)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.strip().count("\n") == 0


def test_other_ways_to_name_pictures_are_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    padded = [{"image": f"COCO_val2014_{row['image_id']:012}", **row} for row in RESULTS]
    for row in padded:
        del row["image_id"]
    assert call(*write(tmp_path, COCO, RESULTS), "--json") == 0
    plain = json.loads(capsys.readouterr().out)
    arguments = write(tmp_path, COCO, padded)
    assert call(*arguments, "--json") == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == plain
    assert "matched by number or file name, such as COCO_val2014_000000000001 with 1" in output.err
    files = (tmp_path / "res.json", tmp_path / "res.json")
    assert call("compare", *files, "--references", tmp_path / "ref.json", "--no-meteor") == 0
    assert "res.json: the hypotheses name pictures in another way" in capsys.readouterr().err


def test_tables_of_captions_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    references, hypotheses = tmp_path / "ref.csv", tmp_path / "res.tsv"
    references.write_text("image,caption\n1.jpg,a dog runs\n1.jpg,a dog\n2.jpg,two boats\n")
    hypotheses.write_text("image\tcaption\n1.jpg\ta dog runs\n2.jpg\ta boat\n")
    arguments = ("score", "--references", references, "--hypotheses", hypotheses, "--json")
    assert call(*arguments) == 0
    pictures = json.loads(capsys.readouterr().out)["pictures"]
    assert pictures["1.jpg"] == {"caption": "a dog runs", "references": ["a dog runs", "a dog"]}
    assert call("score", "--references", hypotheses, "--hypotheses", references) == 2
    assert "more than one caption of 1 picture (1.jpg)" in capsys.readouterr().err


CHINESE = {"1": ["一只狗在草地上跑", "狗在跑"], "2": ["两个人在说话"]}


def test_the_text_chooses_the_tokenizer_and_the_signature_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for references, hypotheses, tokenizer, language in (
        (COCO, RESULTS, "ptb", "English"),
        (CHINESE, {"1": "狗在草地上", "2": "两个人"}, "jieba", "Chinese"),
    ):
        arguments = write(tmp_path, references, hypotheses)
        assert call(*arguments, "--json") == 0
        by_text = json.loads(capsys.readouterr().out)
        assert (by_text["tokenizer"], by_text["tokenizer_chosen_by"]) == (tokenizer, "text")
        assert f"|tokenizer:{tokenizer}|chosen_by:text|" in by_text["signature"]
        assert call(*arguments, "--json", "--tokenizer", tokenizer) == 0
        by_option = json.loads(capsys.readouterr().out)
        assert (by_option["tokenizer"], by_option["tokenizer_chosen_by"]) == (tokenizer, "option")
        assert "chosen_by" not in by_option["signature"]
        assert by_option["scores"] == by_text["scores"]
        assert call(*arguments) == 0
        printed = capsys.readouterr()
        assert f"tokenizer {tokenizer}, chosen by the text of the references ({language})" in (
            printed.out
        )
        assert "warning" not in printed.err
        (tmp_path / "by_text.json").write_text(json.dumps(by_text))
        (tmp_path / "by_option.json").write_text(json.dumps(by_option))
        files = (tmp_path / "by_text.json", tmp_path / "by_option.json")
        compared = ("compare", *files, "--references", tmp_path / "ref.json")
        for options in ((), ("--tokenizer", tokenizer)):  # who chose it makes no difference
            assert call(*compared, *options) == 0
            assert ("chosen by the text" in capsys.readouterr().out) == (not options)


@pytest.mark.parametrize(
    ("references", "hypotheses", "options", "warning"),
    [
        (
            CHINESE,
            {"1": "狗", "2": "人"},
            ("--tokenizer", "ptb"),
            "3 of 3 references are Chinese, but the tokenizer ptb is for English; use --tokenizer "
            "jieba or characters for Chinese",
        ),
        (
            COCO,
            RESULTS,
            ("--tokenizer", "characters"),
            "3 of 3 references are English, but the tokenizer characters is for Chinese; use",
        ),
        (
            COCO,
            {"1": "狗", "2": "人"},
            (),
            "2 of 2 hypotheses are Chinese, but the tokenizer ptb is for English; score captions "
            "against references in their language",
        ),
        (
            {"1": ["a dog", "a red dog", "狗"]},
            {"1": "a dog"},
            (),
            "1 of 3 references is Chinese, but the tokenizer ptb is for English; most are not, so "
            "it was chosen",
        ),
    ],
)
def test_a_tokenizer_that_contradicts_the_text_is_a_warning(
    references: object,
    hypotheses: object,
    options: tuple[str, ...],
    warning: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = write(tmp_path, references, hypotheses)
    files = (tmp_path / "res.json", tmp_path / "res.json")
    for command in (arguments, ("compare", *files, "--references", tmp_path / "ref.json")):
        assert call(*command, *options, "--no-meteor") == 0
        warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
        assert len(warnings) == 1
        assert warnings[0].startswith(f"warning: {warning}")


def test_empty_captions_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = write(tmp_path, {"1": ["a dog", " "], "2": ["a cat"]}, {"1": "", "2": "\n"})
    assert call(*arguments, "--json") == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert notes[1:] == ["2 of 2 hypotheses are empty", "1 of 3 references is empty"]


def test_missing_files_and_invalid_json_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text("{")
    for name, message in (("gone.json", "does not exist"), ("x.json", "is not JSON")):
        arguments = ("--references", tmp_path / name, "--hypotheses", tmp_path / name)
        assert call("score", *arguments) == 2
        assert message in capsys.readouterr().err


def test_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, COCO, RESULTS)
    (tmp_path / "other.json").write_text(json.dumps({"1": "a cat", "2": "the sea"}))
    files = (tmp_path / "res.json", tmp_path / "other.json")
    assert call("compare", *files, "--references", tmp_path / "ref.json", "--json") == 0
    result = json.loads(capsys.readouterr().out)["ROUGE_L"]
    assert result["first"] > result["second"]
    assert (result["wins"], result["losses"]) == (1, 0)
    assert call("compare", *files, "--references", tmp_path / "ref.json") == 0
    assert "losses" in capsys.readouterr().out


def test_compare_takes_the_references_of_the_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = write(tmp_path, COCO, RESULTS)
    assert call(*arguments, "--json") == 0
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "scores.json").write_text(capsys.readouterr().out)
    own, captions = tmp_path / "folder", tmp_path / "res.json"
    assert call("compare", captions, own, "--references", tmp_path / "ref.json", "--json") == 0
    expected = capsys.readouterr().out
    assert call("compare", captions, own, "--json") == 0
    assert capsys.readouterr().out == expected
    assert call("compare", captions, captions) == 2
    assert f"neither {captions} nor {captions} has references" in capsys.readouterr().err


def test_compare_names_the_files_of_a_folder_that_would_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, COCO, RESULTS)
    captions, folder = tmp_path / "res.json", tmp_path / "folder"
    folder.mkdir()
    for name, content in (("run.json", '{"format": 1}'), ("log.csv", "epoch")):
        (folder / name).write_text(content)
    (folder / "beam.json").write_bytes(captions.read_bytes())
    options = ("--references", tmp_path / "ref.json")
    assert call("compare", captions, folder, *options) == 0  # the only captions there
    changed = captions.read_text().replace("a ", "one ")
    (folder / "other.json").write_text(changed)
    capsys.readouterr()
    assert call("compare", captions, folder, *options) == 2
    error = capsys.readouterr().err
    files = f"{folder / 'beam.json'}, {folder / 'other.json'}"
    assert f"with captions: {files}; name one of them" in error
    (folder / "beam.json").unlink()
    (folder / "other.json").unlink()
    assert call("compare", captions, folder, *options) == 2
    error = capsys.readouterr().err
    assert f"no file in {folder} has captions (it has log.csv, run.json)" in error
    assert f"make them with: tushuo evaluate DATA --run {folder} --output RESULTS" in error
    assert error.count("\n") == 1
    assert call("compare", captions, tmp_path / "gone", *options) == 2
    assert "gone does not exist" in capsys.readouterr().err


def test_compare_shows_long_names_in_full(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "people.json").write_text('{"1": ["a dog runs"], "2": ["a cat sleeps"]}')
    files = [tmp_path / f"captions-beam-{size}.json" for size in (5, 10)]
    for path in files:
        path.write_text('{"1": "a dog", "2": "a cat"}')
    for columns in (80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        arguments = ("--references", tmp_path / "people.json", "--no-meteor")
        assert call("compare", *files, *arguments) == 0
        heads = capsys.readouterr().out.split("Bleu_1")[0]
        assert "…" not in heads
        assert heads.count("captions") == 2
    assert {"captions-beam-5", "captions-beam-10"} <= set(heads.split())


def test_incomparable_scores_are_refused(
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
    error = capsys.readouterr().err
    assert "tokenizer: characters against ptb" in error
    assert "folder differs" not in error
    assert call("compare", own, other, "--references", tmp_path / "ref.json", "--force") == 0
    assert call("compare", own, own, "--references", tmp_path / "ref.json") == 0
    (tmp_path / "ref.json").write_text(json.dumps({"1": ["a cow"], "2": ["a boat"]}))
    assert call("compare", own, own, "--references", tmp_path / "ref.json") == 2
    assert "hash: " in capsys.readouterr().err


def test_document_frequencies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, saved = write(tmp_path, COCO, RESULTS), tmp_path / "df.json"
    assert call(*arguments, "--save-df", saved) == 0
    assert "2 pictures has unreliable word weights" in capsys.readouterr().err
    assert call(*arguments, "--df", saved, "--json") == 0
    assert "|df:references" not in json.loads(capsys.readouterr().out)["signature"]
    single = write(tmp_path, {"1": ["a dog runs"]}, {"1": "a dog"})
    assert call(*single) == 0
    assert "single picture" in capsys.readouterr().err
    assert call(*single, "--df", saved, "--no-meteor") == 0
    assert capsys.readouterr().err == ""


def test_undefined_scores_are_dashes() -> None:
    assert [format_number(value) for value in (None, 3, 0.5)] == ["-", "3", "0.5000"]
    assert [format_interval(ends) for ends in (None, (0.25, 0.5))] == ["-", "0.2500 to 0.5000"]


def test_cider_of_one_picture_is_undefined_in_both_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both print the same note; with frequencies of more pictures it is defined."""
    scored = (*write(tmp_path, {"1": ["a dog runs"]}, {"1": "a dog"}), "--no-meteor")
    same = (tmp_path / "res.json", tmp_path / "res.json")
    compared = ("compare", *same, "--references", tmp_path / "ref.json", "--no-meteor")
    notes = []
    for command in (scored, compared):
        assert call(*command) == 0
        output = capsys.readouterr()
        rows = [line.split() for line in output.out.splitlines() if "CIDEr" in line]
        assert len(rows) == 2
        assert all(set(row[1:]) == {"-"} for row in rows)
        notes.append(output.err)
    assert notes[0] == notes[1]
    assert "CIDEr is undefined for a single picture" in notes[0]
    assert call(*compared, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["CIDEr"] is None
    assert result["Bleu_1"]["p"] == 1
    more = write(tmp_path, COCO, RESULTS)
    assert call(*more, "--save-df", tmp_path / "df.json", "--json") == 0
    write(tmp_path, {"1": ["a dog runs"]}, {"1": "a dog"})
    capsys.readouterr()
    assert call(*compared, "--df", tmp_path / "df.json", "--json") == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["CIDEr"]["first"] > 0
    assert output.err == ""


def test_the_signature_names_the_aligner_of_meteor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pycocoevalcap", reason="requires pip install 'tushuo[official]'")
    assert call(*write(tmp_path, COCO, RESULTS), "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["images"]["1"]["METEOR"] == 1
    assert 0 < result["scores"]["METEOR"] < 1
    assert result["signature"].endswith("|meteor:1.5-python")
    write(tmp_path, COCO, RESULTS)
    files = (tmp_path / "res.json", tmp_path / "res.json", "--references", tmp_path / "ref.json")
    assert call("compare", *files, "--json") == 0
    assert json.loads(capsys.readouterr().out)["METEOR"]["p"] == 1
    assert call("compare", *files) == 0
    assert "|meteor:1.5-python" in capsys.readouterr().out


def test_one_aligner_never_replaces_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    java._program.cache_clear()
    pytest.importorskip("pycocoevalcap", reason="requires pip install 'tushuo[official]'")
    arguments = write(tmp_path, COCO, RESULTS)
    assert call(*arguments, "--meteor-java") == 2
    output = capsys.readouterr()
    assert "install a Java runtime" in output.err
    assert output.out == ""
    assert call(*arguments, "--meteor", "--meteor-java") == 2
    assert "pass only one of them" in capsys.readouterr().err
    assert call(*arguments, "--meteor", "--tokenizer", "jieba") == 2
    assert "METEOR and SPICE support English only" in capsys.readouterr().err
    assert call(*arguments, "--tokenizer", "jieba") == 0  # not requested, so not missing
    assert "METEOR" not in "".join(capsys.readouterr())


def test_without_its_data_meteor_is_left_out_with_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tushuo.metrics.official.find_spec", lambda name: None)
    arguments = write(tmp_path, COCO, RESULTS)
    assert call(*arguments, "--json") == 0
    output = capsys.readouterr()
    assert "METEOR is left out; to include it: pip install 'tushuo[official]'" in output.err
    assert "METEOR" not in json.loads(output.out)["scores"]
    assert call(*arguments, "--no-meteor") == 0
    assert "METEOR" not in "".join(capsys.readouterr())
