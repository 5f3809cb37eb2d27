"""Parts of the service without a server: limits, options, bodies, metrics, replies."""

import asyncio
import base64
from typing import Any

import numpy as np
import pytest
from starlette.datastructures import Headers

from tests.serve.conftest import numbered
from tushuo.captioning.caption import Caption
from tushuo.captioning.evidence import Concept, WordEvidence
from tushuo.client import _caption
from tushuo.encoders.spec import FieldOfView
from tushuo.errors import SettingError
from tushuo.search.config import SearchConfig
from tushuo.serve.intake import Intake
from tushuo.serve.limits import Limits
from tushuo.serve.metrics import Metrics
from tushuo.serve.options import ReplyOptions, from_query, from_values
from tushuo.serve.problems import Problem
from tushuo.serve.reply import caption_content
from tushuo.serve.uploads import decode_base64, read_upload

USUAL = SearchConfig(search="beam", beam_size=7, no_immediate_repeat=True)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"queue": 0}, "queue was 0, but must be above 0"),
        ({"deadline": float("nan")}, "deadline was nan"),
        ({"upload": float("inf")}, "upload was inf"),
        ({"max_pictures": 65}, "max-pictures was 65, more than queue, which is 64"),
        ({"max_bytes": 300_000_000}, "max-bytes was 300000000, more than max-held"),
    ],
)
def test_limits_that_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        Limits(**values)


def test_options_replace_those_of_the_captioner() -> None:
    query = [("n_best", "2"), ("no_immediate_repeat", "false"), ("required_words", "dog"),
             ("top_p", "null"), ("concepts", "1")]  # fmt: skip
    options = from_query(query, USUAL, max_hypotheses=50)
    assert options.search == SearchConfig(
        search="beam", beam_size=7, n_best=2, no_immediate_repeat=False, required_words=("dog",)
    )
    assert options.reply == ReplyOptions(concepts=True)
    values = {
        "n_best": 2,
        "no_immediate_repeat": False,
        "required_words": ["dog"],
        "concepts": True,
    }
    assert from_values(values, USUAL, max_hypotheses=50) == options
    assert from_values({}, USUAL, max_hypotheses=1).search == USUAL


@pytest.mark.parametrize("values", [{"n_best": "2"}, {"n_best": 2.5}, {"attention": 1},
                                    {"required_words": "dog"}, {"search": None}])  # fmt: skip
def test_json_values_keep_their_types(values: dict[str, Any]) -> None:
    with pytest.raises(Problem, match="but must be"):
        from_values(values, USUAL, max_hypotheses=50)


def test_pictures_in_base64() -> None:
    picture = numbered(1)
    text = base64.b64encode(picture).decode()
    forms = (
        text,
        f"data:image/png;base64,{text}",
        f"DATA:;base64,{text}",
        f"\n{text[:9]}\r\n {text[9:]}",
    )
    assert [decode_base64(one) for one in forms] == [picture] * 4
    for wrong in ("", "a", "====", "data:image/png,abc", "https://a.example/b.png", "é", "ab-_"):
        with pytest.raises(Problem):
            decode_base64(wrong)


def test_a_form_leaves_no_file_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", fail)
    content = bytes(3_000_000)
    body = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    headers = Headers({"Content-Type": "multipart/form-data; boundary=x"})
    upload = asyncio.run(read_upload(headers, body + content + b"\r\n--x--\r\n", max_pictures=2))
    assert upload.pictures == [content]


def test_bytes_are_counted_until_a_request_ends() -> None:
    intake = Intake(Limits(max_bytes=10, max_held=25))
    with intake.hold() as one, intake.hold() as other:
        one.add(10)
        other.add(10)
        with pytest.raises(Problem, match="hold 20 bytes already"):
            other.add(6)
        assert intake.held == 20
    assert intake.held == 0


def test_metrics_are_in_the_format_of_prometheus() -> None:
    metrics = Metrics()
    metrics.watch("queue_pictures", "Pictures that wait.", lambda: 3)
    metrics.on_batch([0.5, 0.01], 0.2)
    lines = metrics.text().decode().splitlines()
    for line in (
        "# TYPE tushuo_queue_pictures gauge",
        "tushuo_queue_pictures 3.0",
        'tushuo_batch_pictures_bucket{le="1.0"} 0.0',
        'tushuo_batch_pictures_bucket{le="2.0"} 1.0',
        "tushuo_queue_seconds_count 2.0",
        "tushuo_model_seconds_sum 0.2",
    ):
        assert line in lines


def caption(**more: Any) -> Caption:
    dog = Concept(word="dog", probability=0.75, box=(0.0, 0.25, 0.5, 1.0))
    fields: dict[str, Any] = {
        "text": "a dog", "words": ("a", "dog"), "log_probs": (-0.5, -1.25, -0.25),
        "attention": np.array([[[0.5, 0.5]], [[0.25, 0.75]]], np.float32),
        "field_of_view": FieldOfView(crop=0.875), "concepts": (dog,), "confidence": 0.375,
        "evidence": (
            WordEvidence(kind="function"),
            WordEvidence(kind="seen", log_ratio=2.5, concept=dog),
        ),
        "familiarity": 0.5, "alternatives": (Caption(text="b", words=("b",), log_probs=(-1.0,)),),
    }  # fmt: skip
    return Caption(**fields | more)


def test_a_client_gets_back_what_the_service_has() -> None:
    options = ReplyOptions(attention=True, concepts=True, confidence=True)
    own = caption()
    back = _caption(caption_content(own, options))
    assert np.array_equal(back.attention, own.attention)  # type: ignore[arg-type]
    assert {**vars(back), "attention": None} == {**vars(own), "attention": None}
    short = caption_content(own, ReplyOptions())
    assert short.keys() == {"caption", "log_prob", "words", "end_log_prob", "alternatives"}


def test_an_unsure_caption_is_withheld() -> None:
    content = caption_content(caption(), ReplyOptions(min_confidence=0.5, attention=True))
    reason = "confidence 0.37 is below 0.50; least certain word: 'dog' (probability 0.287)"
    assert content == {
        "caption": None, "unsure": reason, "confidence": 0.375, "familiarity": 0.5,
        "perhaps": ["dog"],
    }  # fmt: skip
    sure = caption_content(caption(), ReplyOptions(min_confidence=0.25))
    assert (sure["caption"], sure["confidence"]) == ("a dog", 0.375)
