"""Every search, with each decoder and with an ensemble of all, equals single decoding steps."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from tests.decoders.test_decoders import REGIONS, make, random_regions
from tests.search.test_constraints import MODES, VOCABULARY, V
from tushuo.decoders import DECODERS
from tushuo.decoders.base import Decoder
from tushuo.decoders.ensemble import Ensemble
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import END, START


def force_decoded(decoder: Decoder, picture: Tensor, words: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the probability of each word of a caption, and its attention map."""
    state, probabilities, maps = decoder.start(picture), [], []
    for word, next_word in zip([START, *words], [*words, END], strict=True):
        step = decoder.step(torch.tensor([word]), state)
        probabilities.append(step.log_probs[0, next_word].exp())
        maps.append(step.attention[0])
        state = step.state
    return torch.stack(probabilities), torch.stack(maps[:-1]) if words else torch.zeros(0, REGIONS)


@torch.inference_mode()
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("names", [*([name] for name in DECODERS), [*DECODERS]], ids="+".join)
def test_probabilities_and_maps_equal_those_of_single_steps(mode: str, names: list[str]) -> None:
    """An ensemble has the means of its members'."""
    members = [make(name, seed, vocabulary=V).double() for seed, name in enumerate(names)]
    decoder = Ensemble(members).eval() if len(members) > 1 else members[0]
    regions, config = (
        random_regions(2),
        SearchConfig(search=mode, max_words=6, **MODES[mode]),
    )
    for place, hypotheses in enumerate(search(decoder, regions, config, vocabulary=VOCABULARY)):
        assert len(hypotheses) == config.n_best
        for hypothesis in hypotheses:
            single = [
                force_decoded(member, regions[place : place + 1], hypothesis.words)
                for member in members
            ]
            probabilities, maps = (
                torch.stack(values).mean(dim=0) for values in zip(*single, strict=True)
            )
            expected = probabilities.log().float()
            torch.testing.assert_close(torch.tensor(hypothesis.log_probs), expected)
            torch.testing.assert_close(hypothesis.attention, maps.float())
