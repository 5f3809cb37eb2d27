"""Which captioner a picture goes to."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tests.captioning.test_evidence import SETTINGS
from tushuo.captioning.route import FILE, ContentRatio, Route
from tushuo.concepts.detector import ConceptDetector
from tushuo.concepts.model import ConceptModel
from tushuo.errors import RunError

ROUTE = Route(familiarity=0.5, content=0.25, bias=2.0, pictures=100, calibration="c")


def test_a_route_is_saved_and_read(tmp_path: Path) -> None:
    ROUTE.save(tmp_path)
    assert Route.load(tmp_path) == ROUTE
    other = replace(ROUTE, bias=2.1)
    assert Route.load(tmp_path).digest == ROUTE.digest != other.digest


@pytest.mark.parametrize("content", [None, b"{}", b"no JSON"])
def test_a_missing_or_damaged_route_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(RunError, match=r"route\.json cannot be read: .*scripts/fit_route\.py"):
        Route.load(tmp_path)


def test_the_score_is_a_weighted_sum() -> None:
    assert ROUTE.score(1.0, 0.0) == pytest.approx(2)
    assert ROUTE.score(np.exp(-2), -8.0) == pytest.approx(2 - 1 - 2)


def test_content_compares_the_shares_of_words() -> None:
    detector = ConceptDetector(width=3, words=4, learned=0)
    detector.counts.copy_(detector.counts.new_tensor([0.0, 0.0, 80.0, 50.0]))
    content = ContentRatio(ConceptModel(settings=SETTINGS, detector=detector), pictures=100)
    nothing = np.zeros(4, np.float32)
    assert content(nothing) == pytest.approx(0)
    cat, dog = (nothing + 5 * (np.arange(4) == number) for number in (1, 2))
    assert content(dog.astype(np.float32)) > 0 > content(cat.astype(np.float32))


def test_another_format_is_refused(tmp_path: Path) -> None:
    ROUTE.save(tmp_path)
    content = (tmp_path / FILE).read_text().replace('"format": 1', '"format": 99')
    (tmp_path / FILE).write_text(content)
    with pytest.raises(RunError, match="has format 99, this version reads 1"):
        Route.load(tmp_path)
