"""Every search, with each decoder and with all together: what it tells is the decoders' own."""

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


def walked(decoder: Decoder, picture: Tensor, words: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Say a caption word by word; return the words' probabilities, and where each looked."""
    state, chances, maps = decoder.start(picture), [], []
    for heard, said in zip([START, *words], [*words, END], strict=True):
        step = decoder.step(torch.tensor([heard]), state)
        chances.append(step.log_probs[0, said].exp())
        maps.append(step.attention[0])
        state = step.state
    return torch.stack(chances), torch.stack(maps[:-1]) if words else torch.zeros(0, REGIONS)


@torch.inference_mode()
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("names", [*([name] for name in DECODERS), [*DECODERS]], ids="+".join)
def test_words_have_the_probabilities_and_maps_of_single_steps(mode: str, names: list[str]) -> None:
    """Of several decoders the means of both."""
    members = [make(name, seed, vocabulary=V).double() for seed, name in enumerate(names)]
    decoder = Ensemble(members).eval() if len(members) > 1 else members[0]
    regions, config = (
        random_regions(2),
        SearchConfig(search=mode, max_words=6, **MODES[mode]),
    )
    for place, found in enumerate(search(decoder, regions, config, vocabulary=VOCABULARY)):
        assert len(found) == config.n_best
        for one in found:
            alone = [walked(of, regions[place : place + 1], one.words) for of in members]
            chances, maps = (torch.stack(of).mean(dim=0) for of in zip(*alone, strict=True))
            torch.testing.assert_close(torch.tensor(one.log_probs), chances.log().float())
            torch.testing.assert_close(one.attention, maps.float())
