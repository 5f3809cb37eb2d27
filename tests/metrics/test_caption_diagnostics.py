"""Each habit is seen where it is, and not where it is not."""

import pytest

from tushuo.metrics.caption_diagnostics import caption_diagnostics
from tushuo.metrics.corpus import Corpus


def words(*captions: str) -> list[list[str]]:
    return [caption.split() for caption in captions]


def test_habits() -> None:
    hypotheses = words("a dog runs", "a dog runs", "a cat sits on the", "")
    references = [words(text) for text in ("a dog runs", "a cat", "a cat sits on the mat", "sea")]
    found = caption_diagnostics(Corpus(hypotheses, references), words("a dog runs", "a boat"))
    assert found.words == 11 / 4
    assert found.vocabulary == 7
    assert found.distinct_1 == 7 / 11
    assert found.distinct_2 == 6 / 8
    assert found.different == 3 / 4
    assert found.identical == found.commonest == found.seen == 2 / 4
    assert found.unfinished == 1 / 4
    assert found.unsupported == 1 / 4
    assert caption_diagnostics(Corpus(hypotheses, references)).seen is None


def test_a_person_has_none() -> None:
    captions = words("a dog runs", "two boats lie here")
    found = caption_diagnostics(
        Corpus(captions, [[caption] for caption in captions]), words("a cat")
    )
    assert (found.identical, found.seen, found.unfinished, found.unsupported) == (0, 0, 0, 0)
    assert found.different == 1


def test_variety_of_several_captions_of_a_picture() -> None:
    corpus = Corpus(words("a dog runs"), [words("a dog")])
    same = words(*["a dog runs on grass"] * 3)
    other = words("a dog runs on grass", "two boats lie in harbours", "people eat bread near trees")
    assert caption_diagnostics(corpus).mbleu is None
    assert caption_diagnostics(corpus, None, [words("a dog")]).mbleu is None
    found = caption_diagnostics(corpus, None, [same])
    assert found.mbleu == pytest.approx(1, abs=1e-6)
    assert (found.div_1, found.div_2) == (5 / 15, 4 / 12)
    found = caption_diagnostics(corpus, None, [other])
    assert found.mbleu == pytest.approx(0, abs=1e-3)
    assert (found.div_1, found.div_2) == (1, 1)
    mixed = caption_diagnostics(corpus, None, [same, other, words("a dog")])
    assert mixed.div_1 == pytest.approx((1 / 3 + 1) / 2)
    assert 0.3 < mixed.mbleu < 0.8
