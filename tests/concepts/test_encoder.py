"""Concepts as regions."""

from pathlib import Path

import pytest
import torch

from tests.concepts.test_fitting import SPEC
from tushuo import encoders
from tushuo.captioning.tagger import ConceptTagger
from tushuo.concepts.encoder import (
    CONCEPTS,
    TEXT_STYLE,
    ConceptEncoder,
    attention_on_grid,
    concept_spec,
    is_concepts,
    select_concepts,
)
from tushuo.concepts.model import ConceptModel, ConceptSettings, empty_detector
from tushuo.encoders.resize import resize
from tushuo.pictures.pixels import to_pixels

CAT = Path(__file__).parents[2] / "examples" / "chelsea.jpg"


def test_the_best_concepts_follow_the_style() -> None:
    log_odds = torch.tensor([[0.5, -1.0, 2.0]])
    concepts = select_concepts(log_odds, torch.tensor([[7, 8, 9]]), 1)
    assert concepts.tolist() == [[[4, 0, 0], [2, 2, 9], [0, 0.5, 7], [1, -1, 8]]]
    many = select_concepts(torch.zeros(2, 99), torch.zeros(2, 99, dtype=torch.long), 0)
    assert many.shape == (2, 1 + CONCEPTS, 3)


def test_attention_moves_to_the_cells_of_concepts() -> None:
    concepts = torch.tensor([[9.0, 0, 0], [1, 2, 24], [2, 1, 24], [3, 0, 3]])
    attention = torch.tensor([[0.25, 0.5, 0.125, 0.125]])
    grid = attention_on_grid(attention, concepts, SPEC)
    assert grid.shape == (1, 25)
    assert grid.sum() == pytest.approx(1)
    assert grid[0, 24] == pytest.approx(0.01 + 0.625)
    assert grid[0, 3] == pytest.approx(0.01 + 0.125)
    assert grid[0, 0] == pytest.approx(0.01)


def test_the_concepts_are_those_of_the_tagger() -> None:
    encoder = encoders.load("efficientnet_lite0")
    words = ["animal", "bird", "cat", "dog", "pizza"]
    settings = ConceptSettings(
        language="en", encoder=encoder.spec, words=words, prior=[-3.0] * 5, learned=0
    )
    model = ConceptModel(settings=settings, detector=empty_detector(settings))
    model.detector.usual.fill_(-14.0)
    pixels = to_pixels(CAT)
    concepts = ConceptEncoder(model, encoder)(resize(pixels, encoder.spec)[None])[0]
    tags = ConceptTagger(model, encoder).tag(pixels)
    assert concepts[0, 0] == len(words) + TEXT_STYLE
    assert [words[int(index)] for index in concepts[1:, 0]] == [tag.word for tag in tags]
    expected = torch.tensor([tag.probability for tag in tags])
    torch.testing.assert_close(concepts[1:, 1].sigmoid(), expected, rtol=1e-4, atol=1e-5)


def test_specs_differ_where_models_do() -> None:
    settings = ConceptSettings(language="en", encoder=SPEC, words=["cat"], prior=[0.0], learned=0)
    model = ConceptModel(settings=settings, detector=empty_detector(settings))
    spec = concept_spec(model)
    assert is_concepts(spec)
    assert not is_concepts(SPEC)
    assert (spec.rows, spec.columns, spec.width) == (SPEC.rows, SPEC.columns, 3)
    model.detector.usual.fill_(1.0)
    assert concept_spec(model).weights != spec.weights
