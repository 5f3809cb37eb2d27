"""Confidence: what is fitted is what is there, for its own weights and search alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
from tushuo.trust.confidence import FEATURES, Calibration, features, keep, read

HELD_OUT = reliability(np.linspace(0.2, 0.9, 60), np.arange(60) % 3 > 0)


def calibration(signature: str, *, bias: float = 0.0) -> Calibration:
    return Calibration(
        signature=signature, tokenizer="ptb", level=0.3, centres=(-1.0, -2.0, 5.0, 2.0),
        scales=(1.0, 1.0, 1.0, 1.0), weights=(2.0, 0.0, 0.0, 0.0), bias=bias, ridge=1.0,
        pictures=60, alone=dict.fromkeys(FEATURES, 0.5), held_out=HELD_OUT,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has hardly begun to learn."""
    folder = tmp_path_factory.mktemp("calibrate")
    regions = Regions.on_the_fly(MeanEncoder(), records)
    learn(records, regions, folder / "run", Callbacks(), replace(PLAIN, epochs=2))
    return folder / "run"


@pytest.fixture
def captioner(folder: Path) -> NativeCaptioner:
    (folder / "calibration.json").unlink(missing_ok=True)
    return NativeCaptioner(Run.load(folder), MeanEncoder())


def test_features_are_those_of_the_words_and_maps() -> None:
    even, point = np.full((1, 2, 2), 0.25), np.zeros((1, 2, 2))
    point[0, 0, 0] = 1
    found = features([-1.0, -3.0, -0.5], np.concatenate([even, point]))
    assert found == pytest.approx([-1.5, -3.0, 3.0, np.log(4) / 2])
    assert features([-1.0], np.zeros((0, 2, 2)))[-1] == 0


def test_a_logistic_law_is_found_again() -> None:
    draw = np.random.default_rng(1)
    standing = draw.normal(size=(5000, 2))
    law = np.array([-0.5, 1.5, -0.7])
    fits = draw.random(5000) < fitting._probability(standing, law)
    assert fitting._logistic(standing, fits, 0.1) == pytest.approx(law, abs=0.15)
    assert np.abs(fitting._logistic(standing, fits, 1e6)[1:]).max() < 0.01


def test_people_fit_as_often_as_is_said() -> None:
    places = ["grass", "sand", "snow", "road", "water", "roof", "floor", "bench"]
    spoken = {
        str(n): [f"a {colour} dog sits on the {places[n % 8]}" for colour in ("red", "big", "wet")]
        + [f"nobody agrees with number {n}"]
        for n in range(48)
    }
    texts = [f"a red dog sits on the {places[n % 8]}" for n in range(47)] + ["no such thing"]
    fits, level = fitting._fits(texts, spoken, "ptb")
    assert level > 0
    assert fits[:47].all()
    assert not fits[47]
    with pytest.raises(DataError, match="1 pictures have two captions or more"):
        fitting._fits(["a"], {"1": ["a", "b"]}, "ptb")


def test_a_split_is_calibrated_and_kept(
    captioner: NativeCaptioner, records: list[Record], tmp_path: Path
) -> None:
    regions = Regions.on_the_fly(MeanEncoder(), records)
    drawn = SearchConfig(search="sample", temperature=2.0)
    told = captioner.caption_regions(regions.read(range(len(records))), config=drawn)
    texts = [one.text for one in told]
    agreeing = [  # of every second picture people say what the captioner says
        record if n % 2 else replace(record, captions=(text, f"there {text}", f"{text} here"))
        for n, (record, text) in enumerate(zip(records, texts, strict=True))
    ]
    found, known = fitting.calibrate(captioner, agreeing, regions, config=drawn)
    assert found.held_out.fitting == 0.5
    assert (found.pictures, found.held_out.pictures) == (20, 20)
    keep(captioner.run.folder, found)
    assert known.signature == MeanEncoder.spec.signature
    assert len(known.known) == 20
    again = NativeCaptioner(captioner.run, captioner.encoder)
    told = again.caption_regions(regions.read([0, 1]), config=drawn)
    assert all(0 < (one.confidence or 0) < 1 for one in told)
    assert told[0].confidence == found.confidence(told[0].log_probs, told[0].attention)
    draw_reliability(found.held_out, tmp_path / "r.png")
    assert Image.open(tmp_path / "r.png").width > 1000
    with pytest.raises(DataError, match="both kinds are needed"):
        fitting.calibrate(captioner, records, regions)


def test_confidence_is_for_one_search_and_one_set_of_weights(
    captioner: NativeCaptioner, records: list[Record]
) -> None:
    with pytest.raises(RunError, match="does not know how sure it is"):
        captioner.require_calibration()
    folder, beam = captioner.run.folder, SearchConfig(search="beam", n_best=2)
    keep(folder, calibration(captioner.signature()))
    keep(folder, calibration(captioner.signature(beam)))
    keep(folder, calibration(captioner.signature(beam), bias=1.0))
    assert [one.bias for one in read(folder)] == [0.0, 1.0]
    found = NativeCaptioner(captioner.run, captioner.encoder)
    found.require_calibration(beam)
    regions = Regions.on_the_fly(MeanEncoder(), records[:1]).read([0])
    told = found.caption_regions(regions, config=beam)[0]
    assert told.confidence is not None
    assert told.alternatives[0].confidence is None
    other = SearchConfig(search="beam", beam_size=3)
    assert found.caption_regions(regions, config=other)[0].confidence is None
    with pytest.raises(SignatureError, match=r"differ in search.*beam_size=3"):
        found.require_calibration(other)
    next(captioner.run.decoder.parameters()).add_(1.0)
    with pytest.raises(SignatureError, match="differ in weights"):
        NativeCaptioner(captioner.run, captioner.encoder).require_calibration(beam)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read"), ('{"calibrations": [], "format": 2}', "is of format 2")],
)
def test_a_damaged_file_is_named(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(RunError, match=message):
        read(tmp_path)


def test_the_reason_names_the_word_that_was_least_sure(captioner: NativeCaptioner) -> None:
    keep(captioner.run.folder, calibration(captioner.signature()))
    found = NativeCaptioner(captioner.run, captioner.encoder)
    told = found.caption(np.zeros((32, 32, 3), np.uint8))
    told = replace(told, confidence=0.3, words=("a", "boat"), log_probs=(-0.1, -3.0, -0.2))
    assert told.unsure_reason(0.3) is None
    assert told.unsure_reason(0.4) == (
        "confidence 0.30 is below 0.40; least sure of 'boat', probability 0.050"
    )
    near = replace(told, confidence=0.398).unsure_reason(0.4)
    assert near is not None
    assert near.startswith("confidence 0.39 is below 0.40")
    assert replace(told, confidence=None).unsure_reason(0.9) is None
