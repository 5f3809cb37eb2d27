"""Settings given in Python have their declared types, or one error names what is expected."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from tushuo.errors import SettingError
from tushuo.search.config import SearchConfig
from tushuo.setting_types import convert_setting, convert_settings
from tushuo.training.config import TrainConfig


@dataclass(frozen=True)
class _Settings:
    count: int = 1
    rate: float = 0.5
    words: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        convert_settings(self)


def test_values_are_converted_where_nothing_is_lost() -> None:
    settings = _Settings(count=np.int64(3), rate=2, words=["a", "b"])  # type: ignore[arg-type]
    assert settings == _Settings(3, 2.0, ("a", "b"))
    assert type(settings.count) is int
    assert type(settings.rate) is float
    assert hash(settings) == hash(_Settings(3, 2.0, ("a", "b")))
    assert convert_setting("output", "run", Path) == Path("run")


@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        (2.5, int, "n was 2.5, but must be a whole number"),
        (True, int, "n was True, but must be a whole number"),
        ("3", int, "n was '3', but must be a whole number"),
        (1, bool, "n was 1, but must be True or False"),
        ("x", float | None, "n was 'x', but must be a number or None"),
        ("ab", tuple[str, ...], "n was 'ab', but must be a list of texts"),
        ("ab", list[Path] | None, "n was 'ab', but must be a list of paths or None"),
        (3, Path, "n was 3, but must be a path"),
        (3, dict[str, int], "n was 3, but must be a dictionary"),
        ("x", Literal["loss", "cider"], "n was 'x', but must be one of loss, cider"),
    ],
)
def test_other_values_are_refused(value: object, hint: object, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        convert_setting("n", value, hint)
    assert str(caught.value) == message


@pytest.mark.parametrize("settings", [SearchConfig, TrainConfig, _Settings])
def test_seeds_fit_into_32_bits(settings: type) -> None:
    for seed in (2**31, -(2**31), 10**30):
        with pytest.raises(SettingError, match=r"seed was .*, but must be between"):
            settings(seed=seed)
    assert settings(seed=-5).seed == -5
