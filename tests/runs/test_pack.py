"""A packed model gives its run's captions and confidence, in a fraction of the size."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.conftest import MeanEncoder
from tests.evaluation.test_calibrate import calibration
from tests.training.test_train import PLAIN, learn
from tests.trust.test_familiarity import familiarity
from tushuo.captioning.native import NativeCaptioner
from tushuo.data import Record
from tushuo.errors import RunError
from tushuo.evaluation.packing_error import packing_error
from tushuo.features.regions import Regions
from tushuo.quantization import Precision, dequantize, quantize
from tushuo.runs.pack import pack
from tushuo.runs.run import Run
from tushuo.search.config import SearchConfig
from tushuo.training.loop import Callbacks
from tushuo.trust.confidence import read_calibrations, save_calibration
from tushuo.trust.familiarity import read_familiarity, save_familiarity

BEAM = SearchConfig(search="beam", beam_size=3)


@pytest.fixture(scope="module")
def run(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack")
    regions = Regions.on_the_fly(MeanEncoder(), records)
    learn(records, regions, folder / "run", Callbacks(), replace(PLAIN, epochs=2))
    return folder / "run"


def captioner(folder: Path) -> NativeCaptioner:
    return NativeCaptioner(Run.load(folder), MeanEncoder())


def test_quantised_weights_are_close() -> None:
    draw = torch.Generator().manual_seed(0)
    weights = {
        "bias": torch.randn(7, generator=draw),
        "matrix": torch.randn(5, 9, generator=draw).t(),
        "grid": torch.randn(4, 3, 5, 5, generator=draw),
        "none": torch.zeros(2, 3),
    }
    for precision, bits in (("float16", 11), ("int8", 7)):
        stored = quantize(weights, precision)  # type: ignore[arg-type]
        assert all(weight.is_contiguous() for weight in stored.values())
        found = dequantize(stored)
        assert list(found) == list(weights)
        for name, weight in weights.items():
            assert found[name].dtype == torch.float32
            most = weight.abs().amax() if weight.ndim == 1 else weight.abs().flatten(1).amax(1)
            allowed = (most / 2**bits).reshape(-1, *[1] * (weight.ndim - 1)) * 1.01
            assert ((found[name] - weight).abs() <= allowed).all(), (precision, name)
    assert quantize(weights, "int8")["grid"].dtype == torch.int8


@pytest.mark.parametrize(
    # twenty-five times the rounding of a weight: 2 ** -11 of it, 2 ** -7 of its row's largest
    ("precision", "most", "share"),
    [("float16", 25 * 2**-11, 0.6), ("int8", 25 * 2**-7, 0.5)],
)
def test_a_model_captions_like_its_run(
    records: list[Record],
    run: Path,
    tmp_path: Path,
    precision: Precision,
    most: float,
    share: float,
) -> None:
    model = tmp_path / "model"
    pack(run, model, precision=precision, search=BEAM)
    kept = {
        "best.safetensors",
        "run.json",
        "vocabulary.json",
        "frequencies.json",
        "split.json",
        "log.csv",
    }
    assert {file.name for file in model.iterdir()} <= kept
    assert (model / "split.json").read_bytes() == (run / "split.json").read_bytes()
    small, large = ((of / "best.safetensors").stat().st_size for of in (model, run))
    assert small < share * large
    assert Run.load(str(model)).config.search == BEAM
    assert Run.load(model).config.signature == Run.load(run).config.signature
    common = Run.load(model).vocabulary.counts
    assert common == Run.load(run).vocabulary.counts
    assert common is not None
    pictures = [record.path for record in records]
    error = packing_error(captioner(run), captioner(model), pictures, BEAM)
    assert error.pictures == len(records)
    assert error.words > len(records)
    assert 0 < error.mean <= error.maximum < most
    if precision == "float16":
        assert error.same == error.pictures
    with pytest.raises(RunError, match="already holds a run or a model; choose another --output"):
        pack(run, model, precision=precision)


def test_calibrations_of_these_weights_are_copied(
    records: list[Record], run: Path, tmp_path: Path
) -> None:
    before = captioner(run)
    for signature in (before.signature(BEAM), "run:0|weights:0|search:0"):
        save_calibration(run, calibration(signature))
    save_familiarity(run, familiarity(MeanEncoder.spec.signature, strangest=0.1))
    pack(run, tmp_path / "model", precision="float16")
    after = captioner(tmp_path / "model")
    assert len(read_calibrations(tmp_path / "model")) == 1
    assert after.signature(BEAM) != before.signature(BEAM)
    path = records[0].path
    confidence = captioner(run).caption(path, config=BEAM).confidence
    assert confidence is not None
    assert after.caption(path, config=BEAM).confidence == pytest.approx(confidence, abs=1e-2)
    assert after.caption(path, config=BEAM).familiarity == 1 / 200
    save_familiarity(run, familiarity("another encoder"))
    pack(run, tmp_path / "again", precision="float16")
    assert read_familiarity(tmp_path / "again") is None
