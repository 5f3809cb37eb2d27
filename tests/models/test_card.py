"""The licence that a model card states."""

from pathlib import Path

import pytest

from tushuo.models import FOLDER
from tushuo.models.card import license_of


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("---\nlanguage: en\nlicense: apache-2.0\n---\n# Card\n", "apache-2.0"),
        ("---\nlicense: 'mit'  # of the weights\n---\n", "mit"),
        ("---\r\nlicense: mit\r\n---\r\ntext", "mit"),
        ("---\nlicense: other\nlicense_name: research-only\n---\n", "research-only"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\nlicense:\n- mit\n- cc-by-4.0\n---\n", "mit, cc-by-4.0"),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", "mit, cc-by-4.0"),
        ("---\nlicense:\nlanguage: en\n---\n", None),
        ("---\nlanguage: en\n---\nlicense: mit\n", None),
        ("# Card\n---\nlicense: mit\n---\n", None),
        ("", None),
    ],
)
def test_licences(card: str, expected: str | None, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(card)
    assert license_of(tmp_path) == expected


def test_no_card_states_none(tmp_path: Path) -> None:
    assert license_of(tmp_path) is None
    assert license_of(tmp_path / "nowhere") is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_shipped_models_state_theirs(language: str) -> None:
    assert license_of(FOLDER / language) == "research-and-education-only"
