"""Familiarity is a p-value for pictures of the same kind, and low for pictures of another kind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from safetensors.numpy import save

from tests.conftest import MeanEncoder
from tests.evaluation.test_calibrate import folder as folder  # a run, as a fixture here too
from tushuo.captioning.caption import OUT_OF_DISTRIBUTION
from tushuo.captioning.native import NativeCaptioner
from tushuo.errors import RunError
from tushuo.runs.run import Run
from tushuo.search.config import SearchConfig
from tushuo.trust.familiarity import (
    MAX_DIRECTIONS,
    Familiarity,
    pooled_features,
    read_familiarity,
    save_familiarity,
)

WIDTH = 80


def familiarity(signature: str, *, width: int = 3, strangest: float = 1.0) -> Familiarity:
    """Familiarity for which features longer than ``strangest`` are out-of-distribution."""
    return Familiarity(
        signature=signature,
        centre=np.zeros(width, np.float16),
        directions=np.zeros((0, width), np.float16),
        known=np.linspace(0, strangest, 199),
    )


def regions(count: int, seed: int, *, offset: float = 0.0) -> Float[torch.Tensor, "P R D"]:
    """Regions that vary in ten directions, and a little in all; ``offset`` shifts another one."""
    draw = np.random.default_rng(seed)
    shared = np.random.default_rng(0).normal(size=(10, WIDTH))
    mean = 3 + draw.normal(size=(count, 10)) @ shared + 0.3 * draw.normal(size=(count, WIDTH))
    mean[:, 7] += offset
    return torch.from_numpy(mean[:, None] + draw.normal(size=(count, 2, WIDTH)) * 0.01).float()


@pytest.fixture(scope="module")
def known() -> Familiarity:
    fitted = np.arange(800) % 2 == 0
    return Familiarity.fit(pooled_features(regions(800, 1)), fitted, signature="here")


def p_values(known: Familiarity, pictures: torch.Tensor) -> list[float]:
    return known.p_values(pooled_features(pictures))


def test_one_in_a_hundred_pictures_of_the_same_kind_is_out_of_distribution(
    known: Familiarity,
) -> None:
    values = np.array(p_values(known, regions(4000, 2)))
    assert values.min() >= 1 / 401
    assert 0 < np.mean(values <= OUT_OF_DISTRIBUTION) < 0.03
    for share in (0.1, 0.5, 0.9):
        assert np.mean(values <= share) == pytest.approx(share, abs=0.06)


def test_pictures_of_another_kind_are_out_of_distribution(known: Familiarity) -> None:
    assert max(p_values(known, regions(50, 3, offset=20.0))) < OUT_OF_DISTRIBUTION
    assert known.directions.shape == (WIDTH // 4, WIDTH)
    assert len(known.directions) < MAX_DIRECTIONS


def test_brightness_alone_does_not_matter(known: Familiarity) -> None:
    pictures = regions(50, 4)
    expected = p_values(known, pictures)
    assert p_values(known, pictures * 3) == pytest.approx(expected, abs=0.01)


def test_a_batch_equals_its_pictures(known: Familiarity) -> None:
    pictures = regions(8, 5)
    assert p_values(known, pictures) == [p_values(known, one[None])[0] for one in pictures]
    assert p_values(known, pictures[:0]) == []
    (blank,) = p_values(known, torch.zeros(1, 2, WIDTH))
    assert 0 < blank <= 1


def test_it_is_saved_and_read(known: Familiarity, tmp_path: Path) -> None:
    assert read_familiarity(tmp_path) is None
    save_familiarity(tmp_path, known)
    again = read_familiarity(tmp_path)
    assert again is not None
    assert again.signature == "here"
    assert p_values(again, regions(20, 6)) == p_values(known, regions(20, 6))
    (tmp_path / "familiarity.safetensors").write_bytes(b"{}")
    with pytest.raises(
        RunError, match=r"familiarity\.safetensors cannot be read: .*calibrate again"
    ):
        read_familiarity(tmp_path)
    arrays = {"centre": known.centre[1:], "directions": known.directions, "known": known.known}
    (tmp_path / "familiarity.safetensors").write_bytes(save(arrays, metadata={"signature": "here"}))
    with pytest.raises(RunError, match=r"shapes do not fit: centre \(79,\), directions \(20, 80"):
        read_familiarity(tmp_path)


def test_captions_carry_the_familiarity_of_their_pictures(folder: Path) -> None:
    pictures = [np.full((32, 32, 3), bright, np.uint8) for bright in (0, 200)]
    beams = SearchConfig(search="beam", n_best=2)

    def familiarities() -> list[float | None]:
        captioner = NativeCaptioner(Run.load(folder), MeanEncoder())
        captions = captioner.caption_batch(pictures, config=beams)
        assert captions[0].alternatives[0].familiarity is None
        return [caption.familiarity for caption in captions]

    assert familiarities() == [None, None]
    save_familiarity(folder, familiarity("another encoder"))
    assert familiarities() == [None, None]
    save_familiarity(folder, familiarity(MeanEncoder.spec.signature, strangest=0.5))
    assert familiarities() == [1.0, 1 / 200]


def test_captions_of_out_of_distribution_pictures_are_withheld(folder: Path) -> None:
    captioner = NativeCaptioner(Run.load(folder), MeanEncoder())
    caption = replace(captioner.caption(np.zeros((32, 32, 3), np.uint8)), confidence=0.9)
    assert caption.out_of_distribution is None
    assert replace(caption, familiarity=OUT_OF_DISTRIBUTION).unsure_reason(0.5) is None
    unusual = replace(caption, familiarity=0.002)
    reason = (
        "the picture is unlike those used for calibration (only 0.2% of them are at least as "
        "unusual)"
    )
    assert (unusual.out_of_distribution, unusual.unsure_reason(0.5)) == (reason, reason)


def test_a_digest_tells_familiarities_apart() -> None:
    one, other = familiarity("a"), familiarity("a", strangest=2.0)
    assert one.digest == familiarity("b").digest != other.digest
