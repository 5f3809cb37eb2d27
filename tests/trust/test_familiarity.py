"""Familiar pictures: those that are not strange, whatever the encoder."""

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
from tushuo.trust.familiarity import DIRECTIONS, Familiarity, keep, pooled_features, read

WIDTH = 80


def familiarity(signature: str, *, width: int = 3, strangest: float = 1.0) -> Familiarity:
    """One that finds all pictures strange that are further from 0 than ``strangest``."""
    return Familiarity(
        signature=signature,
        centre=np.zeros(width, np.float16),
        directions=np.zeros((0, width), np.float16),
        known=np.linspace(0, strangest, 199),
    )


def seen(
    count: int, seed: int, *, out_of_distribution: float = 0.0
) -> Float[torch.Tensor, "P R D"]:
    """Regions that differ in ten directions, and a little in all; or in another one by far."""
    draw = np.random.default_rng(seed)
    shared = np.random.default_rng(0).normal(size=(10, WIDTH))
    mean = 3 + draw.normal(size=(count, 10)) @ shared + 0.3 * draw.normal(size=(count, WIDTH))
    mean[:, 7] += out_of_distribution
    return torch.from_numpy(mean[:, None] + draw.normal(size=(count, 2, WIDTH)) * 0.01).float()


@pytest.fixture(scope="module")
def known() -> Familiarity:
    fitted = np.arange(800) % 2 == 0
    return Familiarity.fit(pooled_features(seen(800, 1)), fitted, signature="here")


def test_of_pictures_of_the_same_kind_one_in_a_hundred_is_strange(known: Familiarity) -> None:
    found = np.array(known.of(seen(4000, 2)))
    assert found.min() >= 1 / 401
    assert 0 < np.mean(found <= OUT_OF_DISTRIBUTION) < 0.03
    for share in (0.1, 0.5, 0.9):
        assert np.mean(found <= share) == pytest.approx(share, abs=0.06)


def test_pictures_of_another_kind_are_strange(known: Familiarity) -> None:
    assert max(known.of(seen(50, 3, out_of_distribution=20.0))) < OUT_OF_DISTRIBUTION
    assert known.directions.shape == (WIDTH // 4, WIDTH)
    assert len(known.directions) < DIRECTIONS


def test_brightness_alone_makes_nothing_strange(known: Familiarity) -> None:
    regions = seen(50, 4)
    assert known.of(regions * 3) == pytest.approx(known.of(regions), abs=0.01)


def test_a_batch_is_its_pictures(known: Familiarity) -> None:
    regions = seen(8, 5)
    assert known.of(regions) == [known.of(one[None])[0] for one in regions]
    assert known.of(regions[:0]) == []
    assert all(0 < one <= 1 for one in known.of(torch.zeros(1, 2, WIDTH)))  # nothing to be seen


def test_it_is_kept_and_read(known: Familiarity, tmp_path: Path) -> None:
    assert read(tmp_path) is None
    keep(tmp_path, known)
    again = read(tmp_path)
    assert again is not None
    assert again.signature == "here"
    assert again.of(seen(20, 6)) == known.of(seen(20, 6))
    (tmp_path / "familiar.safetensors").write_bytes(b"{}")
    with pytest.raises(RunError, match=r"familiar\.safetensors cannot be read: .*calibrate again"):
        read(tmp_path)
    arrays = {"centre": known.centre[1:], "directions": known.directions, "known": known.known}
    (tmp_path / "familiar.safetensors").write_bytes(save(arrays, metadata={"signature": "here"}))
    with pytest.raises(RunError, match=r"do not fit together: centre \(79,\), directions \(20, 80"):
        read(tmp_path)


def test_captions_tell_how_familiar_their_pictures_are(folder: Path) -> None:
    pictures = [np.full((32, 32, 3), bright, np.uint8) for bright in (0, 200)]
    beams = SearchConfig(search="beam", n_best=2)

    def told() -> list[float | None]:
        captioner = NativeCaptioner(Run.load(folder), MeanEncoder())
        captions = captioner.caption_batch(pictures, config=beams)
        assert captions[0].alternatives[0].familiarity is None
        return [caption.familiarity for caption in captions]

    assert told() == [None, None]
    keep(folder, familiarity("another encoder"))
    assert told() == [None, None]
    keep(folder, familiarity(MeanEncoder.spec.signature, strangest=0.5))
    assert told() == [1.0, 1 / 200]


def test_a_strange_picture_is_reason_enough_to_keep_a_caption_back(folder: Path) -> None:
    captioner = NativeCaptioner(Run.load(folder), MeanEncoder())
    told = replace(captioner.caption(np.zeros((32, 32, 3), np.uint8)), confidence=0.9)
    assert told.out_of_distribution is None
    assert replace(told, familiarity=OUT_OF_DISTRIBUTION).unsure_reason(0.5) is None
    out_of_distribution = replace(told, familiarity=0.002)
    reason = "unlike the pictures it knows, of which 0.2% look so strange"
    assert (out_of_distribution.out_of_distribution, out_of_distribution.unsure_reason(0.5)) == (
        reason,
        reason,
    )
