"""METEOR equals stored counts of the official program, and the program where Java is installed."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.metrics.conftest import OFFICIAL, with_java, with_meteor_data
from tushuo.errors import MissingPartError
from tushuo.metrics import official
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.meteor import extra, java, paraphrases, python
from tushuo.metrics.meteor.formula import Meteor, clear_single_chunks
from tushuo.metrics.meteor.match import java_hash
from tushuo.metrics.meteor.words import normalise

STORED = json.loads((Path(__file__).parent / "meteor_reference.json").read_text())
# Counts and scores of the official program for four pictures, and their total.
COUNTS = [
    "7 7 3 4 2 2 3 3 0 0 0 0 0 0 0 0 1 0 0 1 3 6 6",
    "6 6 4 3 0 0 2 2 0 0 0 0 0 0 0 0 1 2 1 0 1 4 4",
    "0 3 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
    "5 5 2 2 3 3 2 2 0 0 0 0 0 0 0 0 0 0 0 0 1 5 5",
]
SCORES = [0.35138917666010155, 0.2521738577393982, 0.0, 1.0]
TOTAL = 0.3368699571728451
_TEXT = (
    "a the dog dogs runs running on in front of before boat ship big large man is are quickly lot "
    "many mr. u.s. ... 's t-shirt 10,000 as c5 beautiful mice , é"
)
WORDS = _TEXT.split()


def corpus_of(cases: list[dict[str, Any]]) -> Corpus:
    return Corpus(
        [case["hypothesis"].split() for case in cases],
        [[reference.split() for reference in case["references"]] for case in cases],
    )


def test_the_formula_on_stored_counts() -> None:
    statistics = clear_single_chunks(np.array([line.split() for line in COUNTS], dtype=float))
    assert Meteor().scores(statistics)[:, 0] == pytest.approx(SCORES, abs=1e-12)
    total = Meteor().scores(statistics.sum(axis=0, keepdims=True))
    assert total.item() == pytest.approx(TOTAL, abs=1e-12)


@with_meteor_data
def test_python_counts_equal_the_stored_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    rows = python.count(corpus_of(STORED)).astype(int).tolist()
    for case, counts in zip(STORED, rows, strict=True):
        assert counts == case["counts"], case
    kinds = np.array(rows)[:, 4:20].reshape(-1, 4, 4).sum(axis=(0, 2))
    assert (kinds > 10).all()  # each kind of match is among the cases


@with_meteor_data
def test_a_caption_equal_to_its_reference_is_best() -> None:
    words = ["two", "boats", "lie", "in", "the", "harbour"]
    assert Meteor().scores(Meteor().statistics(Corpus([words], [[["a"], words]]))).item() == 1


@with_java
@with_meteor_data
def test_python_counts_equal_the_programs_for_random_words() -> None:
    draw = np.random.default_rng(1)
    captions = [list(draw.choice(WORDS, draw.integers(0, 14))) for _ in range(600)]
    captions[0], captions[200] = (list(draw.choice(WORDS[:4], 150)) for _ in range(2))
    references = [captions[200 + 2 * n : 202 + 2 * n] for n in range(200)]
    corpus = Corpus(captions[:200], references)
    rows = zip(captions, references, python.count(corpus), java.count(corpus), strict=False)
    for words, given, ours, expected in rows:
        assert ours.tolist() == expected.tolist(), (words, given)


@with_java
def test_scores_equal_the_programs() -> None:
    """By the evaluator's protocol: a line of counts, then a score per picture and the total."""
    cases = STORED[:60]
    program = java._program()
    lines = [" ".join(map(str, case["counts"])) for case in cases]
    first = program.request(" ||| ".join(["EVAL", *lines]))
    assert program._process.stdout
    *single, total = map(float, [first, *(program._process.stdout.readline() for _ in cases)])
    statistics = Meteor(aligner="java").statistics(corpus_of(cases))
    assert Meteor().scores(statistics)[:, 0] == pytest.approx(single, abs=1e-12)
    ours = Meteor().scores(statistics.sum(axis=0, keepdims=True)).item()
    assert ours == pytest.approx(total, abs=1e-12)


@with_meteor_data
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a dog", "a dog"),
        ("t-shirt", "t shirt"),
        ("the boy 's u.s. hat ends .", "the boy ' s us hat ends ."),
        ("Mr. Smith vs. him. Then", "mr. smith vs. him . then"),
        ("No. 5 No. B", "no. 5 no . b"),
        ("wait ... , or.. (now)!", "wait ... , or .. ( now ) !"),
        ("1,000 a,b,c “x” ''", '1,000 a , b,c " x " "'),
        ("don't 90's rock'n' –", "don 't 90 's rock 'n ' -"),
        ("\x01 a\u2003b\u3000 中 É \x01", "a b 中 é"),
        ("", ""),
    ],
)
def test_normalise_equals_the_program(line: str, words: str) -> None:
    assert normalise(line) == words.split()


def test_words_that_share_a_hash_in_java() -> None:
    assert java_hash("as") == java_hash("c5")
    assert java_hash("🐶") == 1772441


def test_the_table_is_converted_once_and_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [("a lot of", "many"), ("a lot of", "lots of"), ("in front of", "before the é")]
    (tmp_path / "data").mkdir()
    with gzip.open(tmp_path / "data" / "paraphrase-en.gz", "wb") as file:
        file.write("".join(f"0.5\n{phrase}\n{other}\n" for phrase, other in pairs).encode())
    monkeypatch.setattr(paraphrases, "folder", lambda: tmp_path)
    monkeypatch.setattr(paraphrases, "BLOCK", 7)  # ends within lines and letters
    monkeypatch.setenv("TUSHUO_CACHE", str(tmp_path / "cache"))
    for _ in range(2):
        paraphrases.paraphrases.cache_clear()
        table = paraphrases.paraphrases()
        assert table["a lot of"] == ["many", "lots of"]
        assert table["in front of"] == ["before the é"]
        assert "a" not in table
        (copy,) = (tmp_path / "cache").iterdir()
        copy.write_bytes(copy.read_bytes()[:-1])  # damaged: it is converted again
    paraphrases.paraphrases.cache_clear()


def test_missing_java_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    java._program.cache_clear()
    with pytest.raises(MissingPartError, match=r"install a Java runtime, or use --meteor"):
        Meteor(aligner="java").statistics(Corpus([["a"]], [[["a"]]]))


def test_a_missing_extra_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(official, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match="pip install 'tushuo"):
        extra.folder()
    package = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(official, "find_spec", lambda name: package)
    with pytest.raises(MissingPartError, match=r"meteor-1\.5\.jar, which is missing"):
        extra.folder()


def test_a_different_stemmer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("snowballstemmer", reason=OFFICIAL)
    monkeypatch.setattr(python, "version", lambda name: "3.0.1")
    with pytest.raises(MissingPartError, match=r"got 3\.0\.1, which stems differently"):
        python._stemmer()
