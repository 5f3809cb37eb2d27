"""Loading shipped models, and the devices that they run on."""

from pathlib import Path

import pytest
import torch

import tushuo
from tushuo.errors import SettingError

PICTURE = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def test_a_shipped_model_of_a_language_is_loaded() -> None:
    chinese = tushuo.load(language="zh")
    assert (chinese.info.language, chinese.info.device) == ("zh", "cpu")
    assert chinese.info.has_confidence
    assert chinese.info.has_familiarity
    with pytest.raises(SettingError, match="captions in Chinese, but English was requested"):
        tushuo.load(chinese.info.folder, language="en")


@pytest.mark.parametrize("device", ["cuda:77", "no such device", "meta:x"])
def test_an_absent_device_is_refused(device: str) -> None:
    with pytest.raises(SettingError, match=f"device was {device}, but torch cannot use it here"):
        tushuo.load(device=device)


@pytest.mark.gpu
def test_a_gpu_gives_the_captions_of_the_cpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("torch finds no GPU")
    gpu, cpu = tushuo.load(device="cuda"), tushuo.load()
    assert gpu.info.device == "cuda"
    for search in ("greedy", "beam"):
        from tushuo.search.config import SearchConfig

        config = SearchConfig(search=search)
        ours, theirs = (one.caption(PICTURE, config=config) for one in (gpu, cpu))
        assert ours.text == theirs.text
        assert ours.log_probs == pytest.approx(theirs.log_probs, abs=1e-2)
