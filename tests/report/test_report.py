"""The report's files: what may be shown together, what is read, what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.test_cli import call
from tests.report.conftest import made_up
from tushuo.errors import DataError, SignatureError
from tushuo.evaluation.results import PictureResult, Results, read_results
from tushuo.report.content import pictures, require_comparable, summary
from tushuo.report.single_file import data
from tushuo.report.thumbnails import at_former_path, in_folder, thumbnails
from tushuo.report.write import write_report


def test_no_tag_begins_in_the_data() -> None:
    nasty = {"caption": "</script><!-- <b> \u2028 \\u003c"}
    assert "<" not in data(nasty)
    assert json.loads(data(nasty)) == nasty


def test_captions_are_judged() -> None:
    references = ("a dog runs.", "The dog is running on grass")
    results_by_picture = {
        "1": PictureResult(caption="a cat runs on a", references=references),
        "2": PictureResult(caption="the dog runs", references=references),
        "3": PictureResult(caption="the dog runs", references=()),
    }
    scores = {"Bleu_1": 0.51239, "CIDEr": None, "CIDEr-D": None}
    found = Results(
        scores=scores,
        intervals={},
        images={n: scores for n in results_by_picture},
        signature="",
        pictures=results_by_picture,
    )
    one, two, three = (picture["captions"][0] for picture in pictures({"run": found}))
    assert one["notInReferences"] == [1]
    assert one["unfinished"]
    assert not one["shared"]
    assert one["scores"] == [0.5124, None]
    assert two["notInReferences"] == []
    assert two["shared"]
    assert three["notInReferences"] == []  # nothing to be strange to
    assert summary({"run": found})["metrics"] == ["Bleu_1", "CIDEr"]


def test_chinese_words_are_found_in_their_references() -> None:
    results_by_picture = {
        "1": PictureResult(caption="一只狗在奔跑", references=("一只棕色的狗在草地上奔跑。",))
    }
    found = Results(
        scores={"Bleu_1": 1.0},
        intervals={},
        images={"1": {}},
        signature="tushuo:0|tokenizer:characters",
        pictures=results_by_picture,
    )
    one = pictures({"run": found})[0]["captions"][0]
    assert list(one["words"]) == list("一只狗在奔跑")
    assert one["notInReferences"] == []


def test_scores_of_other_references_are_refused(tmp_path: Path) -> None:
    first = made_up(2, tmp_path)
    who = replace(first, signature=f"{first.signature}|run:1|search:greedy")
    require_comparable({"a": first, "b": who})  # the runs may differ
    other = replace(first, signature=first.signature.replace("tokenizer:ptb", "tokenizer:jieba"))
    with pytest.raises(SignatureError, match="b differs in tokenizer: jieba against ptb"):
        require_comparable({"a": first, "b": other})
    assert "tokenizer" in summary({"a": first, "b": other})["warning"]


def test_pictures_that_moved_are_found(tmp_path: Path) -> None:
    for name in ("COCO_val2014_000000391895.jpg", "cat.jpg", "1001_a1.jpg"):
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    (tmp_path / "bad.jpg").write_text("<html>")
    find = in_folder(tmp_path)
    for image_id, path, name in (
        ("391895", None, "COCO_val2014_000000391895.jpg"),
        ("7", "/gone/cat.jpg", "cat.jpg"),
        ("1001_a1.jpg", None, "1001_a1.jpg"),
        ("1001_a1", None, "1001_a1.jpg"),
    ):
        assert find(image_id, path) == tmp_path / name
    assert find("9", "/gone/dog.jpg") is None
    assert at_former_path("9", "/gone/dog.jpg") == Path("/gone/dog.jpg")
    made = list(thumbnails([tmp_path / "cat.jpg", tmp_path / "bad.jpg", None], side=20))
    assert made[0].startswith(b"RIFF")
    assert made[1:] == [b"", b""]


def test_the_same_results_make_the_same_page(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_report(tmp_path / f"{name}.html", {"run": made_up(3, tmp_path / "pictures")})
    page = (tmp_path / "a.html").read_bytes()
    assert page == (tmp_path / "b.html").read_bytes()
    assert b"http://" not in page.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"https://" not in page


def test_the_command(
    results: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    assert call("report", results, results / "scores.json", "--output", page) == 0
    assert "tiny (2)" in page.read_text()
    assert call("report", results.parent / "run", "--output", page) == 0  # a curve and no scores
    files = ("--references", tmp_path / "ref.json", "--hypotheses", results / "captions.json")
    results_by_picture = json.loads((results / "scores.json").read_bytes())["pictures"]
    (tmp_path / "ref.json").write_text(
        json.dumps({n: one["references"] for n, one in results_by_picture.items()})
    )
    capsys.readouterr()
    assert call("score", *files, "--json") == 0
    (tmp_path / "other.json").write_text(capsys.readouterr().out)
    assert call("report", results, tmp_path / "other.json", "--output", page) == 0
    assert "report.html: " in capsys.readouterr().out
    assert call("report", tmp_path / "other.json", "--output", page) == 0
    assert page.read_text().count('{"picture":""') == 40
    assert call("report", tmp_path / "other.json", "--output", page, "--data", scenes) == 0
    assert page.read_text().count('{"picture":"UklGR') == 40  # RIFF, as WebP begins
    capsys.readouterr()
    assert call("score", *files, "--tokenizer", "characters", "--json") == 0
    (tmp_path / "letters.json").write_text(capsys.readouterr().out)
    assert call("report", results, tmp_path / "letters.json", "--output", page) == 2
    assert "tokenizer: characters against ptb" in capsys.readouterr().err
    assert call("report", results, tmp_path / "letters.json", "--output", page, "--force") == 0
    assert "tokenizer: characters against ptb" in page.read_text()


def test_missing_pictures_are_named(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    assert call("report", results, "--output", page, "--images", tmp_path) == 1
    text_of_page = capsys.readouterr().err
    assert "picture 0 was not found; name its folder with --images, or --data" in text_of_page
    assert "nor were 35 others" in text_of_page


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ('[{"image_id": 1, "caption": "a"}]', "to score captions: tushuo score"),
        ('{"format": 9, "images": {}, "signature": ""}', "has format 9"),
        ('{"images": [], "signature": ""}', "has an unknown structure"),
        ('{"scores": {}, "intervals": {}, "images": {}, "signature": "me"}', "the signature 'me'"),
    ],
)
def test_other_files_are_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(content)
    for path in (tmp_path, tmp_path / "scores.json"):
        with pytest.raises(DataError, match=message):
            read_results(path)


def test_mistakes_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        ((), "no results were given"),
        ((tmp_path,), "scores.json does not exist"),
        ((tmp_path, "--side", 3), "side was 3"),
    ):
        assert call("report", *arguments, "--output", tmp_path / "r.html") == 2
        assert message in capsys.readouterr().err
