"""Fitting a concept model on pictures whose regions show the words."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tushuo.concepts.fitting import CaptionedPictures, choose_words, fit_concepts
from tushuo.concepts.model import ConceptModel
from tushuo.concepts.saved_evidence import SavedEvidence
from tushuo.encoders.spec import EncoderSpec
from tushuo.errors import WeightsError

SPEC = EncoderSpec(
    name="efficientnet_lite0@160", side=160, resize="squash", filter="antialias", rows=5, columns=5,
    width=1280, weights="none",
)  # fmt: skip
COLOURS = ["red", "green", "blue"]
PICTURES = 300


def pictures() -> CaptionedPictures:
    """Each picture has one of three words, and a region in the direction of the word."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(3, SPEC.width, generator=generator)
    places = torch.randint(0, 25, (PICTURES,), generator=generator)

    def read(indices: Sequence[int]) -> Tensor:
        noise = torch.Generator().manual_seed(indices[0])
        regions = torch.randn(len(indices), 25, SPEC.width, generator=noise) * 0.1
        for row, index in enumerate(indices):
            regions[row, places[index]] += directions[index % 3]
        return regions

    return CaptionedPictures(
        image_ids=range(PICTURES),
        read=read,
        words=[{COLOURS[index % 3], "thing"} for index in range(PICTURES)],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("concepts")
    text = [({"red", "cat"}, 1)] * 100 + [({"green"}, 1)] * 300
    seen: list[tuple[int, int]] = []
    fitted = fit_concepts(
        pictures(), text, SPEC, "en", progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1][0] == seen[-1][1]
    fitted.save(folder)
    return folder


def test_words_of_the_pictures_are_detected(folder: Path) -> None:
    model = ConceptModel.load(folder)
    words = model.settings.words
    assert words == ["blue", "cat", "green", "red", "thing"]
    evidence = model.detector(pictures().read(range(60)), 5, 5).log_ratios
    colours = evidence[:, [words.index(colour) for colour in COLOURS]]
    assert (colours.argmax(1) == torch.arange(60) % 3).float().mean() > 0.95


def test_the_prior_is_that_of_five_captions_of_the_text(folder: Path) -> None:
    settings = ConceptModel.load(folder).settings
    prior = dict(zip(settings.words, settings.prior, strict=True))
    share = 1 - (1 - 100.5 / 401) ** (5**0.8)
    assert prior["cat"] == pytest.approx(np.log(share / (1 - share)))
    assert prior["green"] > prior["cat"] > prior["blue"]


def test_the_saved_evidence_is_cross_fitted(folder: Path) -> None:
    saved = SavedEvidence.load(folder)
    evidence, present = saved.evidence, saved.present
    assert evidence.shape == present.shape == (PICTURES, 5)
    separation = evidence[present[:, 0], 0].mean() - evidence[~present[:, 0], 0].mean()
    assert separation > 1


def test_loading_gives_the_saved_model(folder: Path, tmp_path: Path) -> None:
    model = ConceptModel.load(folder)
    model.save(tmp_path)
    again = ConceptModel.load(tmp_path)
    assert again.settings == model.settings
    for name, weight in model.detector.state_dict().items():
        torch.testing.assert_close(again.detector.state_dict()[name], weight, rtol=0, atol=0)
    assert {path.name for path in tmp_path.iterdir()} == {"concepts.json", "concepts.safetensors"}


@pytest.mark.parametrize("name", ["concepts.json", "concepts.safetensors"])
def test_a_damaged_model_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    ConceptModel.load(folder).save(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:50])
    with pytest.raises(WeightsError, match=r"holds no concept model: .*fit-tags"):
        ConceptModel.load(tmp_path)
    with pytest.raises(WeightsError, match="holds no concept model"):
        ConceptModel.load(tmp_path / "gone")


def test_words_must_be_usual_and_detectable() -> None:
    in_pictures = [{"often", "cat"}] * 40 + [{"seldom"}] * 10
    in_text = [{"cat", "abstract"}] * 60 + [{"giraffe"}] * 5 + [{"zebra"}] * 5
    assert choose_words(in_pictures, in_text, "en") == ["cat", "often", "zebra"]
