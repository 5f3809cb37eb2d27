"""What docs/adding-a-model.md shows is whole and works; its decoder, in tests/decoders."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import from_docs
from tushuo.data import FORMS, Form, Record, read
from tushuo.encoders.spec import Encoder
from tushuo.errors import DataError
from tushuo.features.extract import extract
from tushuo.features.regions import Regions
from tushuo.metrics.base import Metric, corpus_scores
from tushuo.metrics.score import bootstrap, corpus_of


def test_the_encoder_fills_a_store(records: list[Record], tmp_path: Path) -> None:
    encoder = from_docs("encoders/mean_colour.py")["load"]("mean_colour")
    assert isinstance(encoder, Encoder)
    extract(records, encoder, tmp_path / "store")
    regions = Regions.from_store(tmp_path / "store").read([0, 1])
    assert regions.shape == (2, encoder.spec.regions, encoder.spec.width)
    white = torch.full((1, 3, 128, 128), 255, dtype=torch.uint8)
    assert encoder(white).eq(1).all()


def test_the_reader_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = from_docs("data/equations.py")
    form = Form(title="equations", recognises=names["is_equations"], read=names["read_equations"])
    monkeypatch.setitem(FORMS, "equations", form)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "b.jpg").touch()
    (tmp_path / "captions.txt").write_text("a.jpg = a dog\nb.jpg = a cat\na.jpg = one dog\n")
    first, second = read(tmp_path)
    assert first.captions == ("a dog", "one dog")
    assert second.path == tmp_path / "images" / "b.jpg"
    (tmp_path / "captions.txt").write_text("a.jpg = a dog\na.jpg a dog\n")
    with pytest.raises(DataError, match=r"line 2 was .*expected: picture = caption"):
        read(tmp_path)


def test_the_metric_scores() -> None:
    metric = from_docs("metrics/length_ratio.py")["LengthRatio"]()
    assert isinstance(metric, Metric)
    corpus = corpus_of({"1": "a dog", "2": "a"}, {"1": ["a dog here", "dog"], "2": ["a b"]}, "ptb")
    statistics = metric.statistics(corpus)
    np.testing.assert_array_equal(statistics, [[2, 2], [1, 2]])
    assert corpus_scores(metric, statistics) == {"LengthRatio": 0.75}
    assert bootstrap(metric, statistics)["LengthRatio"] == (0.5, 1.0)
