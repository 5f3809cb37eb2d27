"""Searches run step by step: what they yield between steps, and how they are cancelled."""

from collections.abc import Iterator
from functools import partial
from itertools import chain, pairwise

import pytest
import torch
from torch import Tensor

from tests.search.scripted import ScriptedDecoder, ScriptedState, pictures
from tests.search.test_beam_search import same
from tests.search.test_constraints import MODES, VOCABULARY, V
from tushuo.decoders.base import Step
from tushuo.errors import StoppedError
from tushuo.search import search, search_steps
from tushuo.search.config import SearchConfig
from tushuo.search.hypothesis import Hypothesis

DECODER, REGIONS = ScriptedDecoder(vocabulary=V, sharpness=1.0), pictures(3, 9, 40, 41)
CONFIGS = [
    *(SearchConfig(search=mode, max_words=6, **more) for mode, more in MODES.items()),
    SearchConfig(search="beam", max_words=6, n_best=2, required_words=("a", "f")),
]
every_search = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.signature)


class Stepped:
    """Iterates over the prefixes of a search; keeps its hypotheses."""

    hypotheses: list[list[Hypothesis]]

    def __init__(self, config: SearchConfig):
        self.steps = search_steps(DECODER, REGIONS, config, vocabulary=VOCABULARY)

    def __iter__(self) -> Iterator[list[list[int]]]:
        while True:
            try:
                prefixes = next(self.steps)
            except StopIteration as finished:
                self.hypotheses = finished.value
                return
            yield prefixes()


@every_search
def test_stepped_equals_drained(config: SearchConfig) -> None:
    stepped = Stepped(config)
    assert all(len(prefixes) == len(REGIONS) for prefixes in stepped)
    drained = search(DECODER, REGIONS, config, vocabulary=VOCABULARY)
    assert all(same(*pair) for pair in zip(stepped.hypotheses, drained, strict=True))


@pytest.mark.parametrize("config", CONFIGS[:2], ids=["greedy", "sample"])
def test_prefixes_grow_into_the_caption(config: SearchConfig) -> None:
    stepped = Stepped(config)
    steps = list(stepped)
    for picture, hypotheses in enumerate(stepped.hypotheses):
        prefixes = [[], *(step[picture] for step in steps)]
        for before, after in pairwise(prefixes):
            assert after[:-1] == before or after == before
        assert prefixes[-1] == hypotheses[0].words
    lengths = [len(one.words) for one in chain.from_iterable(stepped.hypotheses)]
    assert len(steps) == 1 + max(lengths)


@pytest.mark.parametrize("config", CONFIGS[2:4] + CONFIGS[5:], ids=["beam", "diverse", "banks"])
def test_prefixes_of_a_beam_are_its_leading_hypotheses(config: SearchConfig) -> None:
    """They have t words after step t, until the picture is complete; then the best caption."""
    stepped = Stepped(config)
    steps = list(stepped)
    for picture, hypotheses in enumerate(stepped.hypotheses):
        best = hypotheses[0].words
        prefixes = [step[picture] for step in steps]
        unfinished = [len(prefix) == t for t, prefix in enumerate(prefixes, start=1)]
        last = unfinished.index(False)
        assert not any(unfinished[last + 1 :])
        assert all(prefix == best for prefix in prefixes[last:])


def test_consensus_yields_the_beam_s_best_captions_while_samples_are_drawn() -> None:
    config = CONFIGS[4]
    beam = SearchConfig(search="beam", beam_size=3, n_best=3, max_words=6)
    candidates, steps = Stepped(beam), list(Stepped(config))
    beam_steps = list(candidates)
    assert steps[: len(beam_steps)] == beam_steps
    best = [hypotheses[0].words for hypotheses in candidates.hypotheses]
    assert len(steps) > len(beam_steps)
    assert all(prefixes == best for prefixes in steps[len(beam_steps) :])


@pytest.fixture
def inference_modes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether inference mode is active, for each step that the decoder takes."""
    modes: list[bool] = []
    original = DECODER.step

    def step(words: Tensor, state: ScriptedState) -> Step:
        modes.append(torch.is_inference_mode_enabled())
        return original(words, state)

    monkeypatch.setattr(DECODER, "step", step)
    return modes


@every_search
def test_stop_cancels_a_search_after_any_of_its_steps(
    config: SearchConfig, inference_modes: list[bool]
) -> None:
    steps = len(list(Stepped(config)))
    for limit in range(1, steps + 2):
        inference_modes.clear()
        stop = partial(lambda limit: len(inference_modes) >= limit, limit)
        if limit > steps:
            search(DECODER, REGIONS, config, vocabulary=VOCABULARY, stop=stop)
        else:
            with pytest.raises(StoppedError, match="cancelled between two decoding steps"):
                search(DECODER, REGIONS, config, vocabulary=VOCABULARY, stop=stop)
        assert len(inference_modes) == min(limit, steps)


@every_search
def test_inference_mode_is_active_only_while_a_step_runs(
    config: SearchConfig, inference_modes: list[bool]
) -> None:
    for _ in Stepped(config):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
    with torch.no_grad():
        for _ in Stepped(config):
            assert not torch.is_grad_enabled()
            assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()
    assert inference_modes
    assert all(inference_modes)
