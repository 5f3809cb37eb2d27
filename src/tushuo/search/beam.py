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
from jaxtyping import Float
from torch import Tensor

from tushuo.decoders.base import Decoder
from tushuo.search.candidates import Plan, plain
from tushuo.search.config import SearchConfig
from tushuo.search.diverse import apart
from tushuo.search.filters import NEVER, Rules
from tushuo.search.hypothesis import Hypothesis
from tushuo.search.must import banks
from tushuo.search.trail import Ended, Trail
from tushuo.vocabulary import START


@torch.inference_mode()
def beam(
    decoder: Decoder, regions: Float[Tensor, "P R D"], config: SearchConfig, rules: Rules
) -> list[list[Hypothesis]]:
    """Search the best captions of every picture of a batch.

    States are copied for hypotheses, regions never; a picture leaves the batch when it is done.

    Raises:
        SettingError: no caption of a picture was found that keeps all rules.
    """
    plan = _plan(config, rules)
    K, W, P = plan.width, plan.width * plan.lanes, len(regions)
    trail, ended = Trail.empty(P, W, config, regions.device), Ended(P, plan, config, regions.device)
    totals = torch.full((P, plan.lanes, K), NEVER, device=regions.device)
    totals[:, : plan.answers, 0] = 0.0
    pictures = torch.arange(P, device=regions.device)
    step = decoder.step(torch.full_like(pictures, START), decoder.start(regions))
    rows, attention = pictures.repeat_interleave(W), [step.attention]
    log_probs, state, looked = step.log_probs.index_select(0, rows), step.state.select(rows), rows
    for t in range(config.max_words + 1):
        said, V = trail.words[..., :t], log_probs.shape[1]
        shape = (len(pictures), plan.lanes, K)
        scores = rules(log_probs, said.flatten(0, 1)).view(*shape, V)
        going, ends = plan.expand(totals, scores, said.reshape(*shape, t))
        by_row, looked = log_probs.view(-1, W * V), looked.view(-1, W)
        if bool((ends.scores > NEVER).any()):
            ended.take(pictures, ends, trail.follow(ends, by_row, looked, t), t + 1)
        totals = going.scores.masked_fill(ended.full(pictures), NEVER)
        on = (totals > NEVER).flatten(1).any(dim=1).nonzero()[:, 0]
        if len(on) == 0:
            break
        trail = trail.follow(going, by_row, looked, t).select(on)
        totals, pictures = totals[on], pictures[on]
        rows = (going.parents.flatten(1)[on] + on[:, None] * W).flatten()
        step = decoder.step(going.words[on].flatten(), state.select(rows))
        log_probs, state = step.log_probs, step.state
        looked = torch.arange(len(rows), device=rows.device) + sum(map(len, attention))
        attention.append(step.attention)
    return ended.hypotheses(config.n_best, torch.cat(attention))


def _plan(config: SearchConfig, rules: Rules) -> Plan:
    if config.search == "diverse":
        width = config.beam_size // config.groups
        return Plan(
            expand=apart(config.strength), width=width, lanes=config.groups, answers=config.groups
        )
    if rules.must:
        expand = banks(rules.must, config.max_words)
        return Plan(expand=expand, width=config.beam_size, lanes=len(rules.must) + 1)
    return Plan(expand=plain, width=config.beam_size)
