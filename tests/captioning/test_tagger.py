"""Tags of real photographs, by a concept model without learned detectors."""

from pathlib import Path

import numpy as np
import pytest

from tushuo import encoders
from tushuo.captioning.tagger import ConceptTagger, Tagger, load_tagger
from tushuo.concepts.model import ConceptModel, ConceptSettings, empty_detector
from tushuo.errors import PictureError, SettingError, SignatureError, StoppedError

EXAMPLES = Path(__file__).parents[2] / "examples"
WORDS = ["animal", "cat", "coffee", "cup", "dog", "rocket"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tags") / "concepts"
    spec = encoders.load("efficientnet_lite0").spec
    settings = ConceptSettings(
        language="en", encoder=spec, words=WORDS, prior=[-3.0] * len(WORDS), learned=0
    )
    model = ConceptModel(settings=settings, detector=empty_detector(settings))
    model.detector.usual.fill_(-14.0)
    model.save(folder)
    return folder


@pytest.fixture(scope="module")
def tagger(folder: Path) -> ConceptTagger:
    return load_tagger(folder)


@pytest.mark.parametrize(
    ("name", "word"), [("chelsea.jpg", "cat"), ("coffee.jpg", "coffee"), ("rocket.jpg", "rocket")]
)
def test_photographs_have_their_words(tagger: ConceptTagger, name: str, word: str) -> None:
    concepts = tagger.tag(EXAMPLES / name)
    assert word in [concept.word for concept in concepts[:2]]
    probabilities = [concept.probability for concept in concepts]
    assert probabilities == sorted(probabilities, reverse=True)
    left, top, right, bottom = next(c.box for c in concepts if c.word == word) or (1, 1, 0, 0)
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1


def test_a_batch_has_one_result_for_each_picture(tagger: ConceptTagger) -> None:
    assert isinstance(tagger, Tagger)
    pictures = [EXAMPLES / "chelsea.jpg", b"no picture", np.zeros((9, 9, 3), np.uint8)]
    cat, bad, black = tagger.tag_batch(pictures, most=3)
    assert isinstance(bad, PictureError)
    assert isinstance(cat, list)
    assert isinstance(black, list)
    assert len(cat) == len(black) == 3
    alone = tagger.tag(pictures[0], most=3)
    assert cat[0].word == alone[0].word
    # rounding moves regions by up to 1e-4 (tests/encoders), and logits of the classes likewise
    assert [c.probability for c in cat] == pytest.approx([c.probability for c in alone], abs=1e-3)
    assert tagger.tag_batch([]) == []


def test_mistakes_are_named(tagger: ConceptTagger, folder: Path) -> None:
    with pytest.raises(PictureError, match="does not exist"):
        tagger.tag("gone.jpg")
    with pytest.raises(SettingError, match="most was 0"):
        tagger.tag(EXAMPLES / "chelsea.jpg", most=0)
    with pytest.raises(StoppedError):
        tagger.tag_batch([EXAMPLES / "chelsea.jpg"], stop=lambda: True)
    with pytest.raises(SignatureError, match="the concept model's encoder"):
        ConceptTagger(ConceptModel.load(folder), encoders.load("efficientnet_lite1"))
