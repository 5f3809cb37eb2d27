"""Beam search, all pictures and hypotheses of a batch at once.

One engine: hypotheses stand in lanes of equal width, and an `Expand` says which of their
continuations go on, and which end. A picture's beams (one lane), diverse groups (`diverse`) and
banks of words that must appear (`must`) differ in nothing else.

A caption ends when its end is among the best ``width`` continuations of its lane; a lane is done
with ``width`` ended captions, and they never change then. Scores that rank ended captions of T
words, the end included (Wu et al., "Google's Neural Machine Translation System", 2016, equation 14,
without the coverage penalty): ``sum`` log P, ``mean`` log P / T, ``gnmt``
log P / ((5 + T) / 6) ** alpha.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.decoders.base import Decoder, Step
from tushuo.search.beam_history import BeamHistory, Finished
from tushuo.search.candidates import Plan, plain
from tushuo.search.config import SearchConfig
from tushuo.search.constraint_banks import constraint_banks
from tushuo.search.diverse_beam import diverse
from tushuo.search.filters import NEVER, Rules, rules_of
from tushuo.search.hypothesis import Hypothesis
from tushuo.text.vocabulary import START, Vocabulary


@torch.inference_mode()
def beam(
    decoder: Decoder,
    regions: Float[Tensor, "P R D"],
    config: SearchConfig,
    vocabulary: Vocabulary | None,
) -> list[list[Hypothesis]]:
    """Search the best captions of every picture of a batch.

    States are copied for hypotheses, regions never; a picture leaves the batch when it is done.

    Raises:
        SettingError: a word is not in the vocabulary, or no caption was found that keeps all rules.
    """
    rules = rules_of(config, vocabulary)
    plan, P, device = _plan(config, rules), len(regions), regions.device
    W = plan.lanes * plan.width
    trail, ended = BeamHistory.empty(P, W, config, device), Finished(P, plan, config, device)
    totals = torch.full((P, plan.lanes, plan.width), NEVER, device=device)
    totals[:, : plan.answers, 0] = 0.0
    pictures = torch.arange(P, device=device)
    attention: list[Tensor] = []
    first = decoder.step(torch.full_like(pictures, START), decoder.start(regions))
    step = _repeat(first, pictures.repeat_interleave(W))
    for t in range(config.max_words + 1):
        said, seen = trail.words[..., :t], sum(len(of) for of in attention)
        attention.append(step.attention)
        unfinished, ends = plan.expand(
            totals,
            rules(step.log_probs, said.flatten(0, 1)).view(*totals.shape, -1),
            said.reshape(*totals.shape, t),
            ended.slots_left(pictures),
        )
        if bool((ends.scores > NEVER).any()):
            ended.take(pictures, ends, trail.follow(ends, step.log_probs, seen, t), t + 1)
        full = ended.slots_left(pictures) == 0
        totals = unfinished.scores.masked_fill(full[..., None], NEVER)
        on = (totals > NEVER).flatten(1).any(dim=1).nonzero()[:, 0]
        if len(on) == 0:
            break
        trail = trail.follow(unfinished, step.log_probs, seen, t).select(on)
        totals, pictures = totals[on], pictures[on]
        rows = (unfinished.parents.flatten(1)[on] + on[:, None] * W).flatten()
        step = decoder.step(unfinished.words[on].flatten(), step.state.select(rows))
    return ended.hypotheses(config.n_best, torch.cat(attention))


def _repeat(step: Step, rows: Int[Tensor, " B"]) -> Step:
    """Let all hypotheses of a picture begin with the same first step."""
    return Step(
        step.log_probs.index_select(0, rows),
        step.attention.index_select(0, rows),
        step.state.select(rows),
    )


def _plan(config: SearchConfig, rules: Rules) -> Plan:
    if config.search == "diverse":
        width = config.beam_size // config.groups
        return Plan(
            expand=diverse(config.diversity_penalty),
            width=width,
            lanes=config.groups,
            answers=config.groups,
        )
    if rules.required_words:
        expand = constraint_banks(rules.required_words, config.max_words)
        return Plan(expand=expand, width=config.beam_size, lanes=len(rules.required_words) + 1)
    return Plan(expand=plain, width=config.beam_size)
