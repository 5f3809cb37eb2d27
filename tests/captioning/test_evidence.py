"""What supports the words of captions."""

import numpy as np
import pytest
import torch

from tests.conftest import MeanEncoder
from tushuo.captioning.evidence import ConceptReader, PictureEvidence
from tushuo.concepts.model import ConceptSettings
from tushuo.text.vocabulary import SPECIAL, Vocabulary, VocabularyConfig

WORDS = ["ball", "cat", "dog", "people"]
SETTINGS = ConceptSettings(
    language="en", encoder=MeanEncoder.spec, words=WORDS, prior=[-2.0, -2.0, -1.0, 0.0], learned=0
)
EVIDENCE = PictureEvidence(
    np.array([8.0, -3.0, 4.0, 0.0], np.float32), np.array([15, 0, 5, 0], np.int64)
)


@pytest.fixture
def reader() -> ConceptReader:
    return ConceptReader(SETTINGS)


def test_the_most_probable_concepts_come_first_with_their_places(reader: ConceptReader) -> None:
    first, second = reader.concepts(EVIDENCE, 2)
    assert (first.word, second.word) == ("ball", "dog")
    assert first.probability == pytest.approx(1 / (1 + np.exp(-6)), abs=1e-6)
    assert first.box == (0.75, 0.75, 1.0, 1.0)
    assert second.box == (0.25, 0.25, 0.5, 0.5)
    assert len(reader.concepts(EVIDENCE, 9)) == len(WORDS)
    assert first.rounded() == {"word": "ball", "probability": 0.9975, "box": [0.75, 0.75, 1, 1]}


def test_words_are_seen_or_known_from_text(reader: ConceptReader) -> None:
    words = ["the", "dogs", "chase", "a", "cat", "people"]
    found = reader.word_evidence(words, EVIDENCE)
    kinds = [one.kind for one in found]
    assert kinds == ["function", "seen", "text", "function", "text", "text"]
    dogs, chase, cat = found[1], found[2], found[4]
    assert dogs.concept is not None
    assert dogs.concept.word == "dog"
    assert (chase.concept, chase.log_ratio) == (None, None)
    assert cat.log_ratio == pytest.approx(-3)
    assert dogs.rounded("dogs")["concept"] == "dog"
    assert chase.rounded("chase") == {"word": "chase", "kind": "text"}


def test_support_counts_each_concept_once_and_only_in_favour(reader: ConceptReader) -> None:
    captions = [["a", "dog", "dogs", "ball", "cat", "chase"]]
    vocabulary = Vocabulary.fit(captions, VocabularyConfig(size=20, min_count=1))
    support = reader.support([EVIDENCE], reader.numbers(vocabulary))

    def of(*words: str) -> float:
        return support(0, vocabulary.encode(words)[1:-1])

    assert of("a", "dog") == of("a", "dog", "dogs") == pytest.approx(4)
    assert of("a", "cat") == 0
    assert of("a", "ball", "dog", "chase") == pytest.approx(6 + 4)  # one word has at most 6
    assert len(reader.numbers(vocabulary)) == len(vocabulary) >= len(SPECIAL)


def test_evidence_is_read_from_concept_regions(reader: ConceptReader) -> None:
    regions = torch.tensor([[5.0, 0.0, 0.0], [0.0, 6.0, 15.0], [2.0, -2.5, 5.0]])
    evidence = reader.from_regions(regions)
    np.testing.assert_allclose(evidence.log_ratios, [8, -0.5, -1.5, -2.5])
    assert evidence.cells.tolist() == [15, 0, 5, 0]
    words = [one.word for one in reader.concepts(evidence, 4)]
    assert words[0] == "ball"
    assert all(one.probability < 0.08 for one in reader.concepts(evidence, 4)[1:])
