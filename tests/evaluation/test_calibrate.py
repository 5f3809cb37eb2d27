"""Calibration recovers a known law, and holds for its own weights and search only."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.conftest import MeanEncoder
from tests.training.test_train import PLAIN, learn
from tushuo.captioning.native import NativeCaptioner
from tushuo.data import Record
from tushuo.errors import DataError, RunError, SignatureError
from tushuo.evaluation import calibrate as fitting
from tushuo.features.regions import Regions
from tushuo.metrics.reliability import reliability
from tushuo.report.reliability import draw_reliability
from tushuo.runs.run import Run
from tushuo.search.config import SearchConfig
from tushuo.training.loop import Callbacks
from tushuo.trust.confidence import (
    FEATURES,
    Calibration,
    features,
    read_calibrations,
    save_calibration,
)

HELD_OUT = reliability(np.linspace(0.2, 0.9, 60), np.arange(60) % 3 > 0)


def calibration(signature: str, *, bias: float = 0.0) -> Calibration:
    return Calibration(
        signature=signature, tokenizer="ptb", level=0.3, centres=(-1.0, -2.0, 5.0, 2.0),
        scales=(1.0, 1.0, 1.0, 1.0), weights=(2.0, 0.0, 0.0, 0.0), bias=bias, ridge=1.0,
        pictures=60, alone=dict.fromkeys(FEATURES, 0.5), held_out=HELD_OUT,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A barely trained run."""
    folder = tmp_path_factory.mktemp("calibrate")
    regions = Regions.on_the_fly(MeanEncoder(), records)
    learn(records, regions, folder / "run", Callbacks(), replace(PLAIN, epochs=2))
    return folder / "run"


def load(folder: Path) -> NativeCaptioner:
    return NativeCaptioner(Run.load(folder), MeanEncoder())


@pytest.fixture
def captioner(folder: Path) -> NativeCaptioner:
    (folder / "calibration.json").unlink(missing_ok=True)
    return load(folder)


def test_features_are_statistics_of_words_and_attention() -> None:
    even, point = np.full((1, 2, 2), 0.25), np.zeros((1, 2, 2))
    point[0, 0, 0] = 1
    statistics = features([-1.0, -3.0, -0.5], np.concatenate([even, point]))
    assert statistics == pytest.approx([-1.5, -3.0, 3.0, np.log(4) / 2])
    assert features([-1.0], np.zeros((0, 2, 2)))[-1] == 0
    assert features([-1.0], None)[-1] == 0


def test_a_logistic_law_is_recovered() -> None:
    generator = np.random.default_rng(1)
    standardised = generator.normal(size=(5000, 2))
    law = np.array([-0.5, 1.5, -0.7])
    fits = generator.random(5000) < fitting._probability(standardised, law)
    assert fitting._fit_logistic(standardised, fits, 0.1) == pytest.approx(law, abs=0.15)
    assert np.abs(fitting._fit_logistic(standardised, fits, 1e6)[1:]).max() < 0.01


def test_captions_like_the_references_fit() -> None:
    places = ["grass", "sand", "snow", "road", "water", "roof", "floor", "bench"]
    references = {
        str(n): [f"a {colour} dog sits on the {places[n % 8]}" for colour in ("red", "big", "wet")]
        + [f"nobody agrees with number {n}"]
        for n in range(48)
    }
    texts = [f"a red dog sits on the {places[n % 8]}" for n in range(47)] + ["no such thing"]
    fits, level = fitting._fitting(texts, references, "ptb")
    assert level > 0
    assert fits[:47].all()
    assert not fits[47]
    with pytest.raises(DataError, match="1 pictures have two captions or more"):
        fitting._fitting(["a"], {"1": ["a", "b"]}, "ptb")


def test_a_split_is_calibrated_and_saved(
    captioner: NativeCaptioner, folder: Path, records: list[Record], tmp_path: Path
) -> None:
    regions = Regions.on_the_fly(MeanEncoder(), records)
    sampling = SearchConfig(search="sample", temperature=2.0)
    captions = captioner.caption_regions(regions.read(range(len(records))), config=sampling)
    texts = [caption.text for caption in captions]
    agreeing = [  # the references of every second picture are what the captioner generates
        record if n % 2 else replace(record, captions=(text, f"there {text}", f"{text} here"))
        for n, (record, text) in enumerate(zip(records, texts, strict=True))
    ]
    calibration, known = fitting.calibrate(captioner, agreeing, regions, config=sampling)
    assert calibration.held_out.fitting == 0.5
    assert (calibration.pictures, calibration.held_out.pictures) == (20, 20)
    save_calibration(folder, calibration)
    assert known is not None
    assert known.signature == MeanEncoder.spec.signature
    assert len(known.known) == 20
    first, second = load(folder).caption_regions(regions.read([0, 1]), config=sampling)
    assert 0 < (second.confidence or 0) < 1
    assert first.confidence == calibration.confidence(first.log_probs, first.attention)
    draw_reliability(calibration.held_out, tmp_path / "r.png")
    assert Image.open(tmp_path / "r.png").width > 1000
    with pytest.raises(DataError, match="both halves need"):
        fitting.calibrate(captioner, records, regions)


def test_confidence_is_for_one_search_and_one_set_of_weights(
    captioner: NativeCaptioner, folder: Path, records: list[Record], tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="is not calibrated"):
        captioner.require_confidence()
    assert not captioner.info.has_confidence
    beam = SearchConfig(search="beam", n_best=2)
    save_calibration(folder, calibration(captioner.signature()))
    save_calibration(folder, calibration(captioner.signature(beam)))
    save_calibration(folder, calibration(captioner.signature(beam), bias=1.0))
    assert [one.bias for one in read_calibrations(folder)] == [0.0, 1.0]
    calibrated = load(folder)
    assert calibrated.info.has_confidence
    calibrated.require_confidence(beam)
    regions = Regions.on_the_fly(MeanEncoder(), records[:1]).read([0])
    (caption,) = calibrated.caption_regions(regions, config=beam)
    assert caption.confidence is not None
    assert caption.alternatives[0].confidence is None
    other = SearchConfig(search="beam", beam_size=3)
    assert calibrated.caption_regions(regions, config=other)[0].confidence is None
    with pytest.raises(SignatureError, match=r"differ in search.*beam_size=3"):
        calibrated.require_confidence(other)
    shutil.copytree(folder, tmp_path / "changed")
    weights = load_file(folder / "best.safetensors")
    save_file({name: w + 1 for name, w in weights.items()}, tmp_path / "changed/best.safetensors")
    with pytest.raises(SignatureError, match="differ in weights"):
        load(tmp_path / "changed").require_confidence(beam)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read"), ('{"calibrations": [], "format": 2}', "has format 2")],
)
def test_a_damaged_file_is_named(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(RunError, match=message):
        read_calibrations(tmp_path)


def test_the_reason_names_the_least_certain_word(captioner: NativeCaptioner) -> None:
    caption = captioner.caption(np.zeros((32, 32, 3), np.uint8))
    caption = replace(caption, confidence=0.3, words=("a", "boat"), log_probs=(-0.1, -3.0, -0.2))
    assert caption.unsure_reason(0.3) is None
    assert caption.unsure_reason(0.4) == (
        "confidence 0.30 is below 0.40; least certain word: 'boat' (probability 0.050)"
    )
    near = replace(caption, confidence=0.398).unsure_reason(0.4)
    assert near is not None
    assert near.startswith("confidence 0.39 is below 0.40")
    assert replace(caption, confidence=None).unsure_reason(0.9) is None
