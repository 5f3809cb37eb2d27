"""From hypotheses to captions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.captioning.test_evidence import EVIDENCE, SETTINGS
from tests.conftest import MeanEncoder
from tests.training.test_train import PLAIN, learn
from tushuo.captioning.compose import Composer
from tushuo.captioning.evidence import ConceptReader
from tushuo.captioning.picture_regions import PictureRegions
from tushuo.data import Record
from tushuo.features.regions import Regions
from tushuo.runs.run import Run
from tushuo.search.hypothesis import Hypothesis
from tushuo.training.loop import Callbacks


@pytest.fixture(scope="module")
def run(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("compose") / "run"
    regions = Regions.on_the_fly(MeanEncoder(), records)
    learn(records, regions, folder, Callbacks(), replace(PLAIN, epochs=1))
    return Run.load(folder)


def test_a_caption_has_what_is_known_of_its_picture(run: Run) -> None:
    plain, with_concepts = (
        Composer(run, MeanEncoder.spec, reader, None) for reader in (None, ConceptReader(SETTINGS))
    )
    words = run.vocabulary.encode(["a", "dog"])[1:-1]
    best = Hypothesis(words, [-1.0, -2.0, -0.5], torch.full((2, 16), 1 / 16))
    picture = PictureRegions(torch.rand(16, 3))
    (caption,) = plain.captions([[best, best]], [picture], None)
    assert caption.log_probs == (-1.0, -2.0, -0.5)
    assert caption.attention is not None
    assert caption.attention.shape == (2, 4, 4)
    assert len(caption.alternatives) == 1
    assert (caption.concepts, caption.evidence, caption.content_evidence) == ((), None, None)
    assert (caption.confidence, caption.familiarity) == (None, None)
    assert caption.features is not None
    assert np.linalg.norm(caption.features) == pytest.approx(1)
    assert plain.support([picture]) is None
    seen = replace(picture, evidence=EVIDENCE)
    (caption,) = with_concepts.captions([[best]], [seen], None)
    assert caption.concepts[0].word == "ball"
    assert len(caption.evidence or ()) == 2
    empty = Hypothesis([], [-1.0], torch.zeros(0, 16))
    (caption,) = with_concepts.captions([[empty]], [seen], None)
    assert (caption.evidence, caption.content_evidence) == ((), [])
    assert with_concepts.support([picture]) is None
    assert with_concepts.support([seen]) is not None


def test_features_that_come_with_a_picture_are_kept(run: Run) -> None:
    features = np.array([0.0, 1.0, 0.0])
    picture = PictureRegions(torch.rand(16, 3), features=features)
    best = Hypothesis(run.vocabulary.encode(["a"])[1:-1], [-1.0], torch.full((1, 16), 1 / 16))
    composer = Composer(run, MeanEncoder.spec, None, None)
    (caption,) = composer.captions([[best]], [picture], None)
    assert caption.features is features
    assert composer.familiarity(picture) is None
