"""The evidence that is saved beside a concept model."""

from pathlib import Path

import numpy as np
import pytest

from tushuo.concepts.saved_evidence import FILE, SavedEvidence
from tushuo.errors import SettingError, WeightsError

EVIDENCE = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.fixture
def saved(tmp_path: Path) -> SavedEvidence:
    SavedEvidence(image_ids=["3", "1", "b"], evidence=EVIDENCE, present=EVIDENCE > 2).save(tmp_path)
    return SavedEvidence.load(tmp_path)


def test_evidence_is_found_by_image_id(saved: SavedEvidence) -> None:
    np.testing.assert_array_equal(saved.of(["b", 3]), EVIDENCE[[2, 0]])
    np.testing.assert_array_equal(saved.present, EVIDENCE > 2)
    assert saved.of([]).shape == (0, 2)


def test_other_training_pictures_are_refused(saved: SavedEvidence) -> None:
    with pytest.raises(SettingError, match="not fitted on 2 of the 3 training pictures, such as c"):
        saved.of(["b", "c", 2])


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_a_missing_or_damaged_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(WeightsError, match=r"evidence\.npz cannot be read: .*fit-tags"):
        SavedEvidence.load(tmp_path)
