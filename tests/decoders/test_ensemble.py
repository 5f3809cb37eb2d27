"""Ensembles of decoders."""

import torch

from tests.decoders.test_decoders import EXAMPLES, make, random_regions
from tests.search.scripted import ScriptedDecoder, pictures
from tushuo.decoders import DECODERS
from tushuo.decoders.ensemble import Ensemble
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.training.batches import collate


def test_probabilities_are_averaged_and_states_selected_in_every_member() -> None:
    members = [ScriptedDecoder(vocabulary=12, seed=seed).double() for seed in range(3)]
    (hypotheses,) = search(Ensemble(members), pictures(4), SearchConfig(search="beam", n_best=5))
    for hypothesis in hypotheses:
        log_probs = torch.tensor(
            [member.log_probs(4, hypothesis.words) for member in members], dtype=torch.float64
        )
        expected = log_probs.exp().mean(0).log().float()
        torch.testing.assert_close(torch.tensor(hypothesis.log_probs), expected)


def test_an_ensemble_of_one_gives_its_captions() -> None:
    member = ScriptedDecoder(vocabulary=12, seed=1)
    for config in (SearchConfig(), SearchConfig(search="beam"), SearchConfig(search="sample")):
        ensemble, alone = (
            search(decoder, pictures(1, 2), config) for decoder in (Ensemble([member]), member)
        )
        assert [h[0].words for h in ensemble] == [h[0].words for h in alone]


def test_forward_equals_chained_steps_for_an_ensemble_of_all_decoders() -> None:
    ensemble = Ensemble([make(name, seed) for seed, name in enumerate(DECODERS)]).eval().double()
    regions, batch = random_regions(2), collate(EXAMPLES)
    log_probs = ensemble(regions, batch.words, batch.pictures).log_softmax(-1)
    state, done = ensemble.start(regions).select(batch.pictures), 0
    for words in batch.words.data.split(batch.words.batch_sizes.tolist()):
        step = ensemble.step(words, state.select(torch.arange(len(words))))
        torch.testing.assert_close(step.log_probs, log_probs[done : done + len(words)])
        state, done = step.state, done + len(words)
