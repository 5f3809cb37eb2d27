"""Each habit is seen where it is, and not where it is not."""

from tushuo.metrics.corpus import Corpus
from tushuo.metrics.habits import habits


def words(*captions: str) -> list[list[str]]:
    return [caption.split() for caption in captions]


def test_habits() -> None:
    hypotheses = words("a dog runs", "a dog runs", "a cat sits on the", "")
    references = [words(text) for text in ("a dog runs", "a cat", "a cat sits on the mat", "sea")]
    found = habits(Corpus(hypotheses, references), words("a dog runs", "a boat"))
    assert found.words == 11 / 4
    assert found.vocabulary == 7
    assert found.distinct_1 == 7 / 11
    assert found.distinct_2 == 6 / 8
    assert found.identical == found.commonest == found.seen == 2 / 4
    assert found.unfinished == 1 / 4
    assert found.unsupported == 1 / 4
    assert habits(Corpus(hypotheses, references)).seen is None


def test_a_person_has_none() -> None:
    captions = words("a dog runs", "two boats lie here")
    found = habits(Corpus(captions, [[caption] for caption in captions]), words("a cat"))
    assert (found.identical, found.seen, found.unfinished, found.unsupported) == (0, 0, 0, 0)
