"""Each diagnostic counts what it describes, and nothing else."""

import pytest

from tushuo.metrics.caption_diagnostics import caption_diagnostics
from tushuo.metrics.corpus import Corpus


def split(*captions: str) -> list[list[str]]:
    return [caption.split() for caption in captions]


def test_diagnostics_of_four_captions() -> None:
    hypotheses = split("a dog runs", "a dog runs", "a cat sits on the", "")
    references = [split(text) for text in ("a dog runs", "a cat", "a cat sits on the mat", "sea")]
    result = caption_diagnostics(Corpus(hypotheses, references), split("a dog runs", "a boat"))
    assert result.words == 11 / 4
    assert result.vocabulary == 7
    assert result.distinct_1 == 7 / 11
    assert result.distinct_2 == 6 / 8
    assert result.different == 3 / 4
    assert result.identical == result.commonest == result.seen == 2 / 4
    assert result.unfinished == 1 / 4
    assert result.unsupported == 1 / 4
    assert caption_diagnostics(Corpus(hypotheses, references)).seen is None


def test_distinct_complete_captions_have_no_defects() -> None:
    captions = split("a dog runs", "two boats lie here")
    result = caption_diagnostics(
        Corpus(captions, [[caption] for caption in captions]), split("a cat")
    )
    assert (result.identical, result.seen, result.unfinished, result.unsupported) == (0, 0, 0, 0)
    assert result.different == 1


def test_variety_among_the_captions_of_a_picture() -> None:
    corpus = Corpus(split("a dog runs"), [split("a dog")])
    same = split(*["a dog runs on grass"] * 3)
    varied = split(
        "a dog runs on grass", "two boats lie in harbours", "people eat bread near trees"
    )
    assert caption_diagnostics(corpus).mbleu is None
    assert caption_diagnostics(corpus, None, [split("a dog")]).mbleu is None
    result = caption_diagnostics(corpus, None, [same])
    assert result.mbleu == pytest.approx(1, abs=1e-6)
    assert (result.div_1, result.div_2) == (5 / 15, 4 / 12)
    result = caption_diagnostics(corpus, None, [varied])
    assert result.mbleu == pytest.approx(0, abs=1e-3)
    assert (result.div_1, result.div_2) == (1, 1)
    mixed = caption_diagnostics(corpus, None, [same, varied, split("a dog")])
    assert mixed.div_1 == pytest.approx((1 / 3 + 1) / 2)
    assert 0.3 < mixed.mbleu < 0.8
