"""Scores equal the official evaluator's: stored ones, and its output where it is installed."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.conftest import with_official
from tushuo.errors import DataError, SignatureError
from tushuo.metrics.base import Metric, corpus_scores
from tushuo.metrics.bleu import Bleu
from tushuo.metrics.cider import Cider, frequencies_of
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.document_frequencies import DocumentFrequencies
from tushuo.metrics.ptb import tokenize
from tushuo.metrics.rouge import RougeL
from tushuo.metrics.score import bootstrap, corpus_of, score

CLOSE = 1e-9
METRICS: list[Metric] = [Bleu(), RougeL(), Cider()]
STORED = json.loads((Path(__file__).parent / "score_reference.json").read_text())
caption = st.lists(st.sampled_from("abcd"), max_size=9)
picture = st.tuples(caption, st.lists(caption, min_size=1, max_size=4))


def all_scores(hypotheses: Any, references: Any) -> tuple[dict[str, float], np.ndarray]:
    """Return the scores of the corpus, and those of each picture."""
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
    scores, images = all_scores(stored["hypotheses"], stored["references"])
    for name, value in stored["scores"].items():
        assert scores[name] == pytest.approx(value, abs=CLOSE), name
    assert images[:, :6] == pytest.approx(np.array(stored["images"]), abs=CLOSE)


def official_scores(
    hypotheses: dict[int, list[str]], references: dict[int, list[str]]
) -> dict[str, float]:
    from pycocoevalcap.bleu.bleu import Bleu as OfficialBleu
    from pycocoevalcap.cider.cider import Cider as OfficialCider
    from pycocoevalcap.rouge.rouge import Rouge as OfficialRouge

    bleu, _ = OfficialBleu(4).compute_score(references, hypotheses, verbose=0)
    return {f"Bleu_{n}": value for n, value in enumerate(bleu, start=1)} | {
        "ROUGE_L": OfficialRouge().compute_score(references, hypotheses)[0],
        "CIDEr": OfficialCider().compute_score(references, hypotheses)[0],
    }


@with_official
@settings(deadline=None, max_examples=200)
@given(st.lists(picture, min_size=1, max_size=5))
def test_generated_cases_equal_the_official_evaluator(pictures: list[Any]) -> None:
    if not any(words for _, references in pictures for words in references):
        return  # the official CIDEr fails where no reference has a word
    hypotheses = {n: [" ".join(words)] for n, (words, _) in enumerate(pictures)}
    references = {
        n: [" ".join(words) for words in captions] for n, (_, captions) in enumerate(pictures)
    }
    scores, _ = all_scores([words for words, _ in pictures], [refs for _, refs in pictures])
    for name, value in official_scores(hypotheses, references).items():
        assert scores[name] == pytest.approx(value, abs=CLOSE), name


@with_official
def test_a_fraction_is_one_word_to_rouge_and_two_to_the_others() -> None:
    hypotheses = {0: "add 1 1/2 cups of milk", 1: "two boats on the sea"}
    references = {0: ["1 1/2 cups of milk are added", "1 cup of milk"], 1: ["boats on the sea"]}
    scores = score(
        {str(n): caption for n, caption in hypotheses.items()},
        {str(n): captions for n, captions in references.items()},
    ).scores
    official = official_scores(
        {n: [" ".join(tokenize(caption))] for n, caption in hypotheses.items()},
        {n: [" ".join(tokenize(text)) for text in captions] for n, captions in references.items()},
    )
    for name, value in official.items():
        assert scores[name] == pytest.approx(value, abs=CLOSE), name


def test_a_caption_equal_to_its_reference_has_the_highest_scores() -> None:
    captions = {"1": "a dog runs on the grass", "2": "two boats lie in a harbour"}
    result = score(captions, {name: [text] for name, text in captions.items()})
    assert result.scores["Bleu_4"] == pytest.approx(1, abs=1e-6)
    assert result.scores["ROUGE_L"] == 1
    assert result.scores["CIDEr"] == result.scores["CIDEr-D"] == pytest.approx(10)
    assert "CIDEr of 2 pictures" in result.notes[0]


def test_cider_of_one_picture_is_undefined() -> None:
    result = score({"1": "a dog"}, {"1": ["a dog runs"]})
    assert result.scores["CIDEr"] is result.images["1"]["CIDEr-D"] is None
    assert "single picture" in result.notes[0]
    assert result.scores["ROUGE_L"] is not None


def test_scores_with_saved_document_frequencies(tmp_path: Path) -> None:
    captions = {str(n): f"a {noun} on the grass" for n, noun in enumerate(("dog", "cat", "cow"))}
    references = {name: [text, "something else here"] for name, text in captions.items()}
    counted = frequencies_of(corpus_of(captions, references, "ptb"), tokenizer="ptb")
    counted.save(tmp_path / "df.json")
    loaded = DocumentFrequencies.load(tmp_path / "df.json")
    assert (loaded, loaded.documents, loaded.counts["on the grass"]) == (counted, 3, 3)
    assert "dog" not in loaded.counts  # of a single picture: weighs as much as an unknown word
    whole = score(captions, references)
    again = score(captions, references, frequencies=loaded)
    assert again.scores == whole.scores
    assert again.signature == whole.signature.replace("df:references", f"df:{loaded.hash}")
    alone = score({"1": captions["1"]}, {"1": references["1"]}, frequencies=loaded)
    assert alone.images["1"]["CIDEr"] == pytest.approx(whole.images["1"]["CIDEr"])
    assert alone.notes == []
    with pytest.raises(SignatureError, match="tokenizer: ptb against characters"):
        score(captions, references, tokenizer="characters", frequencies=loaded)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "--save-df"),
        ('{"format": 9, "documents": 1, "tokenizer": "x", "counts": {}}', "format 9"),
    ],
)
def test_invalid_document_frequencies_are_refused(
    content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "df.json").write_text(content)
    with pytest.raises(DataError, match=message):
        DocumentFrequencies.load(tmp_path / "df.json")


def test_intervals_contain_the_score_and_are_reproducible() -> None:
    draw = np.random.default_rng(0)
    words = [list(draw.choice(list("abcdef"), 8)) for _ in range(200)]
    corpus = Corpus(words[:100], [[reference] for reference in words[100:]])
    for metric in METRICS:
        statistics = metric.statistics(corpus)
        intervals = bootstrap(metric, statistics)
        assert intervals == bootstrap(metric, statistics)
        for name, value in corpus_scores(metric, statistics).items():
            low, high = intervals[name] or (1.0, 0.0)
            assert low < value < high


@pytest.mark.parametrize(
    ("hypotheses", "message"),
    [
        ({"1": "a"}, "no hypothesis for 1 picture .2."),
        ({"1": "a", "2": "b", "3": "c"}, "no reference for 1 picture .3."),
        ({}, "no hypothesis for 2 pictures"),
    ],
)
def test_different_pictures_are_refused(hypotheses: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        score(hypotheses, {"1": ["a"], "2": ["b"]})


def test_a_picture_without_references_is_refused() -> None:
    with pytest.raises(DataError, match=r"no references of 1 picture \(two\)"):
        score({"one": "a", "two": "b"}, {"one": ["a"], "two": []})
    with pytest.raises(DataError, match="picture 2 of 2 has no references"):
        Corpus([["a"], ["b"]], [[["a"]], []])
    with pytest.raises(DataError, match="at least one picture"):
        score({}, {})


def test_chinese_by_words_and_by_characters() -> None:
    captions = {"1": "一只狗在草地上奔跑", "2": "两个人在海边"}
    references = {"1": ["一只狗在草地上跑"], "2": ["两个人站在海边"]}
    words = score(captions, references)
    assert words.scores == score(captions, references, tokenizer="jieba").scores
    assert "tokenizer:jieba|chosen_by:text|" in words.signature
    characters = score(captions, references, tokenizer="characters")
    assert words.scores["Bleu_1"] != characters.scores["Bleu_1"]
    assert "tokenizer:characters" in characters.signature


def test_scoring_needs_no_torch() -> None:
    import subprocess

    program = "import sys, tushuo.metrics.score, tushuo.cli.score; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
