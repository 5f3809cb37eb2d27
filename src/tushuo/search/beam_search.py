"""Beam search over all pictures and hypotheses of a batch at once.

One engine: hypotheses are arranged in lanes of equal width, and an `Expand` chooses which of their
continuations stay in the beam and which finish. A picture's beam (one lane), diverse groups
(`diverse_beam`) and banks for required words (`constraint_banks`) differ in nothing else.

A caption finishes when its end token is among the best ``width`` continuations of its lane; a lane
is complete once it has ``width`` finished captions, which never change afterwards. Finished
captions of T words, the end token included, are ranked by (Wu et al., "Google's Neural Machine
Translation System", 2016, equation 14, without the coverage penalty): ``sum`` log P, ``mean``
log P / T, ``gnmt`` log P / ((5 + T) / 6) ** alpha.
"""

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.decoders.base import Decoder, Step
from tushuo.search import Steps
from tushuo.search.beam_history import BeamHistory, Finished
from tushuo.search.candidates import Plan, expand_beam
from tushuo.search.config import SearchConfig
from tushuo.search.constraint_banks import constraint_banks
from tushuo.search.diverse_beam import diverse_expansion
from tushuo.search.filters import NEVER, Rules, rules_of
from tushuo.text.vocabulary import START, Vocabulary


def beam_search(
    decoder: Decoder,
    regions: Float[Tensor, "P R D"],
    config: SearchConfig,
    vocabulary: Vocabulary | None,
) -> Steps:
    """Search the best captions of every picture of a batch.

    Decoder states are copied for hypotheses, regions never; a picture leaves the batch when it is
    complete.

    Raises:
        SettingError: a word is not in the vocabulary, or no caption satisfies the constraints.
    """
    rules = rules_of(config, vocabulary)
    plan, P, device = _plan(config, rules), len(regions), regions.device
    W = plan.lanes * plan.width
    history = BeamHistory.empty(P, W, config, device)
    finished = Finished(P, plan, config, device)
    totals = torch.full((P, plan.lanes, plan.width), NEVER, device=device)
    totals[:, : plan.outputs, 0] = 0.0
    pictures = torch.arange(P, device=device)
    attention: list[Tensor] = []
    first = decoder.step(torch.full_like(pictures, START), decoder.start(regions))
    step = _repeat(first, pictures.repeat_interleave(W))
    for t in range(config.max_words + 1):
        words, offset = history.words[..., :t], sum(map(len, attention))
        attention.append(step.attention)
        unfinished, ended = plan.expand(
            totals,
            rules(step.log_probs, words.flatten(0, 1)).view(*totals.shape, -1),
            words.reshape(*totals.shape, t),
            finished.slots_left(pictures),
        )
        if bool((ended.scores > NEVER).any()):
            extended = history.extend(ended, step.log_probs, offset, t)
            finished.add(pictures, ended, extended, t + 1)
        complete = finished.slots_left(pictures) == 0
        totals = unfinished.scores.masked_fill(complete[..., None], NEVER)
        active = (totals > NEVER).flatten(1).any(dim=1).nonzero()[:, 0]
        history = history.extend(unfinished, step.log_probs, offset, t).select(active)
        totals, pictures = totals[active], pictures[active]
        yield partial(_prefixes, finished, history, totals, pictures, t + 1)
        if len(active) == 0:
            break
        rows = (unfinished.parents.flatten(1)[active] + active[:, None] * W).flatten()
        step = decoder.step(unfinished.words[active].flatten(), step.state.select(rows))
    return finished.hypotheses(config.n_best, torch.cat(attention))


def _prefixes(
    finished: Finished,
    history: BeamHistory,
    totals: Float[Tensor, "Q lanes K"],
    pictures: Int[Tensor, " Q"],
    length: int,
) -> list[list[int]]:
    """Return each picture's best unfinished hypothesis, or its best caption once it is complete."""
    prefixes = finished.best_words()
    best = totals.flatten(1).argmax(dim=1)
    words = history.words[torch.arange(len(best), device=best.device), best, :length].tolist()
    for picture, prefix in zip(pictures.tolist(), words, strict=True):
        prefixes[picture] = prefix
    return prefixes


def _repeat(step: Step, rows: Int[Tensor, " B"]) -> Step:
    """Copy a picture's first step to all of its hypotheses."""
    return Step(
        step.log_probs.index_select(0, rows),
        step.attention.index_select(0, rows),
        step.state.select(rows),
    )


def _plan(config: SearchConfig, rules: Rules) -> Plan:
    if config.search == "diverse":
        width = config.beam_size // config.groups
        expand = diverse_expansion(config.diversity_penalty)
        return Plan(expand=expand, width=width, lanes=config.groups, outputs=config.groups)
    if rules.required_words:
        expand = constraint_banks(rules.required_words, config.max_words)
        return Plan(expand=expand, width=config.beam_size, lanes=len(rules.required_words) + 1)
    return Plan(expand=expand_beam, width=config.beam_size)
