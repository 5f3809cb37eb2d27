"""The numbers are the official evaluator's: stored ones, and its own where it is installed."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tushuo.errors import DataError, SignatureError
from tushuo.metrics.base import Metric, corpus_scores
from tushuo.metrics.bleu import Bleu
from tushuo.metrics.cider import Cider, frequencies_of
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.document_frequencies import DocumentFrequencies
from tushuo.metrics.ptb import split
from tushuo.metrics.rouge import RougeL
from tushuo.metrics.score import bootstrap, corpus_of, score

CLOSE = 1e-9
METRICS: list[Metric] = [Bleu(), RougeL(), Cider()]
STORED = json.loads((Path(__file__).parent / "score_reference.json").read_text())
caption = st.lists(st.sampled_from("abcd"), max_size=9)
picture = st.tuples(caption, st.lists(caption, min_size=1, max_size=4))


def ours(hypotheses: Any, references: Any) -> tuple[dict[str, float], np.ndarray]:
    corpus = Corpus(hypotheses, references)
    scores: dict[str, float] = {}
    columns = []
    for metric in METRICS:
        statistics = metric.statistics(corpus)
        scores |= corpus_scores(metric, statistics)
        columns.append(metric.scores(statistics))
    return scores, np.concatenate(columns, axis=1)


@pytest.mark.parametrize("case", range(len(STORED)))
def test_stored_scores(case: int) -> None:
    stored = STORED[case]
    scores, images = ours(stored["hypotheses"], stored["references"])
    for name, value in stored["scores"].items():
        assert scores[name] == pytest.approx(value, abs=CLOSE), name
    assert images[:, :6] == pytest.approx(np.array(stored["images"]), abs=CLOSE)


@pytest.mark.skipif(
    find_spec("pycocoevalcap") is None, reason="wants pip install 'tushuo[official]'"
)
@settings(deadline=None, max_examples=200)
@given(st.lists(picture, min_size=1, max_size=5))
def test_generated_cases_beside_the_official_evaluator(pictures: list[Any]) -> None:
    from pycocoevalcap.bleu.bleu import Bleu as OfficialBleu
    from pycocoevalcap.cider.cider import Cider as OfficialCider
    from pycocoevalcap.rouge.rouge import Rouge as OfficialRouge

    if not any(words for _, references in pictures for words in references):
        return  # the official CIDEr ends with an error where no reference has a word
    hypotheses = {n: [" ".join(words)] for n, (words, _) in enumerate(pictures)}
    references = {n: [" ".join(words) for words in of] for n, (_, of) in enumerate(pictures)}
    bleu, _ = OfficialBleu(4).compute_score(references, hypotheses, verbose=0)
    official = [
        *bleu,
        OfficialRouge().compute_score(references, hypotheses)[0],
        OfficialCider().compute_score(references, hypotheses)[0],
    ]
    scores, _ = ours([words for words, _ in pictures], [of for _, of in pictures])
    assert list(scores.values())[:6] == pytest.approx(official, abs=CLOSE)


@pytest.mark.skipif(
    find_spec("pycocoevalcap") is None, reason="wants pip install 'tushuo[official]'"
)
def test_a_fraction_is_one_word_to_rouge_and_two_to_the_others() -> None:
    from pycocoevalcap.bleu.bleu import Bleu as OfficialBleu
    from pycocoevalcap.cider.cider import Cider as OfficialCider
    from pycocoevalcap.rouge.rouge import Rouge as OfficialRouge

    said = {0: "add 1 1/2 cups of milk", 1: "two boats on the sea"}
    people = {0: ["1 1/2 cups of milk are added", "1 cup of milk"], 1: ["boats on the sea"]}
    found = score({"0": said[0], "1": said[1]}, {"0": people[0], "1": people[1]}).scores
    words = {n: [" ".join(split(said[n]))] for n in said}
    references = {n: [" ".join(split(text)) for text in of] for n, of in people.items()}
    bleu, _ = OfficialBleu(4).compute_score(references, words, verbose=0)
    assert [found[f"Bleu_{n}"] for n in (1, 2, 3, 4)] == pytest.approx(bleu, abs=CLOSE)
    rouge, _ = OfficialRouge().compute_score(references, words)
    assert found["ROUGE_L"] == pytest.approx(rouge, abs=CLOSE)
    cider, _ = OfficialCider().compute_score(references, words)
    assert found["CIDEr"] == pytest.approx(cider, abs=CLOSE)


def test_a_caption_equal_to_its_reference_is_best() -> None:
    captions = {"1": "a dog runs on the grass", "2": "two boats lie in a harbour"}
    found = score(captions, {name: [text] for name, text in captions.items()})
    assert found.scores["Bleu_4"] == pytest.approx(1, abs=1e-6)
    assert found.scores["ROUGE_L"] == 1
    assert found.scores["CIDEr"] == found.scores["CIDEr-D"] == pytest.approx(10)
    assert "CIDEr of 2 pictures" in found.notes[0]


def test_cider_of_one_picture_is_no_number() -> None:
    found = score({"1": "a dog"}, {"1": ["a dog runs"]})
    assert found.scores["CIDEr"] is found.images["1"]["CIDEr-D"] is None
    assert "one picture" in found.notes[0]
    assert found.scores["ROUGE_L"] is not None


def test_document_frequencies_of_others(tmp_path: Path) -> None:
    captions = {str(n): f"a {noun} on the grass" for n, noun in enumerate(("dog", "cat", "cow"))}
    references = {name: [text, "something else here"] for name, text in captions.items()}
    own = frequencies_of(corpus_of(captions, references, "ptb"), tokenizer="ptb")
    own.save(tmp_path / "df.json")
    kept = DocumentFrequencies.load(tmp_path / "df.json")
    assert (kept, kept.documents, kept.counts["on the grass"]) == (own, 3, 3)
    assert "dog" not in kept.counts  # one picture only: weighs as much as an unknown word
    whole = score(captions, references)
    again = score(captions, references, frequencies=kept)
    assert again.scores == whole.scores
    assert again.signature == whole.signature.replace("df:references", f"df:{kept.hash}")
    alone = score({"1": captions["1"]}, {"1": references["1"]}, frequencies=kept)
    assert alone.images["1"]["CIDEr"] == pytest.approx(whole.images["1"]["CIDEr"])
    assert alone.notes == []
    with pytest.raises(SignatureError, match="tokenizer: ptb against characters"):
        score(captions, references, tokenizer="characters", frequencies=kept)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "--save-df"), ('{"format": 9, "documents": 1, "tokenizer": "x", "counts": {}}', "of 9")],
)
def test_odd_document_frequencies(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "df.json").write_text(content)
    with pytest.raises(DataError, match=message.replace("of 9", "format 9")):
        DocumentFrequencies.load(tmp_path / "df.json")


def test_intervals_hold_the_score_and_repeat() -> None:
    draw = np.random.default_rng(0)
    words = [list(draw.choice(list("abcdef"), 8)) for _ in range(200)]
    corpus = Corpus(words[:100], [[own] for own in words[100:]])
    for metric in METRICS:
        statistics = metric.statistics(corpus)
        found = bootstrap(metric, statistics)
        assert found == bootstrap(metric, statistics)
        for name, value in corpus_scores(metric, statistics).items():
            low, high = found[name] or (1.0, 0.0)
            assert low < value < high


@pytest.mark.parametrize(
    ("hypotheses", "message"),
    [
        ({"1": "a"}, "no hypothesis for 1 picture .2."),
        ({"1": "a", "2": "b", "3": "c"}, "no reference for 1 picture .3."),
        ({}, "no hypothesis for 2 pictures"),
    ],
)
def test_other_pictures_are_refused(hypotheses: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        score(hypotheses, {"1": ["a"], "2": ["b"]})


def test_a_picture_without_references_is_refused() -> None:
    with pytest.raises(DataError, match="no references"):
        score({"1": "a", "2": "b"}, {"1": ["a"], "2": []})
    with pytest.raises(DataError, match="at least one picture"):
        score({}, {})


def test_chinese_by_words_and_by_characters() -> None:
    captions = {"1": "一只狗在草地上奔跑", "2": "两个人在海边"}
    references = {"1": ["一只狗在草地上跑"], "2": ["两个人站在海边"]}
    by = {how: score(captions, references, tokenizer=how) for how in ("jieba", "characters")}
    assert by["jieba"].scores["Bleu_1"] != by["characters"].scores["Bleu_1"]
    assert "tokenizer:characters" in by["characters"].signature


def test_scoring_needs_no_torch() -> None:
    import subprocess

    program = "import sys, tushuo.metrics.score, tushuo.cli.score; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
