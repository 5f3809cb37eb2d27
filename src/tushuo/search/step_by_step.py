"""Greedy decoding and sampling: one word after the other, all pictures of a batch at once."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.decoders.base import Decoder
from tushuo.errors import SettingError
from tushuo.search import Steps
from tushuo.search.config import SearchConfig
from tushuo.search.filters import NEVER, rules_of
from tushuo.search.hypothesis import Hypothesis
from tushuo.search.sampling import draw, picture_fingerprint, scramble, uniforms, warp_logits
from tushuo.text.vocabulary import END, PAD, START, Vocabulary

Choose = Callable[[Float[Tensor, "B V"], Int[Tensor, " B"], int], Int[Tensor, " B"]]


def step_by_step(
    decoder: Decoder,
    regions: Float[Tensor, "P R D"],
    config: SearchConfig,
    vocabulary: Vocabulary | None,
    *,
    may_be_empty: bool = False,
) -> Steps:
    """Caption every picture of a batch, greedily or by sampling.

    A picture's captions do not depend on the batch around it: random numbers depend on the seed,
    the picture's features and the number of the sample, and finished captions leave the batch.

    Returns:
        ``n_best`` captions of each picture; samples in the order in which they are drawn.

    Raises:
        SettingError: a word is not in the vocabulary, or the rules exclude every next word.
    """
    rules, n_best = rules_of(config, vocabulary, may_be_empty=may_be_empty), config.n_best
    rows = torch.arange(len(regions), device=regions.device).repeat_interleave(n_best)
    state = decoder.start(regions)
    if n_best > 1:
        state = state.select(rows)
    active = torch.arange(len(rows), device=rows.device)
    choose = _chooser(regions, config)
    words = torch.full((len(rows), config.max_words + 1), PAD, device=rows.device)
    log_probs = torch.zeros(words.shape, device=rows.device)
    attention: list[tuple[Tensor, Tensor]] = []  # rows, and their attention weights
    last = torch.full((len(rows),), START, device=rows.device)
    for t in range(config.max_words + 1):
        step = decoder.step(last, state)
        scores = rules(step.log_probs, words[active, :t])
        last = choose(scores, active, t)
        words[active, t] = last
        log_probs[active, t] = scores.gather(1, last[:, None])[:, 0].float()
        attention.append((active, step.attention))
        unfinished = (last != END).nonzero()[:, 0]
        state = step.state
        if len(unfinished) < len(active):
            active, last, state = active[unfinished], last[unfinished], state.select(unfinished)
        yield partial(_prefixes, words[::n_best, : t + 1])
        if len(active) == 0:
            break
    if bool((log_probs == NEVER).any()):
        raise SettingError(
            "the constraints exclude every next word of a caption; loosen them, or raise max-words"
        )
    hypotheses = _hypotheses(words.tolist(), log_probs.tolist(), _maps(attention))
    return [hypotheses[i : i + n_best] for i in range(0, len(hypotheses), n_best)]


def _chooser(regions: Float[Tensor, "P R D"], config: SearchConfig) -> Choose:
    """Return a function that takes the most probable words, or draws words."""
    if config.search == "greedy":
        return lambda scores, active, t: scores.argmax(dim=-1)
    pictures = scramble(picture_fingerprint(regions) ^ config.seed).repeat_interleave(config.n_best)
    samples = torch.arange(config.n_best, device=regions.device).repeat(len(regions))
    keys = scramble(pictures + samples)
    return lambda scores, active, t: draw(warp_logits(scores, config), uniforms(keys[active], t))


def _prefixes(words: Int[Tensor, "P T"]) -> list[list[int]]:
    return [[word for word in row if word not in (END, PAD)] for row in words.tolist()]


def _maps(attention: list[tuple[Tensor, Tensor]]) -> Float[Tensor, "B T R"]:
    """Collect the attention maps of each row; the first step has all rows."""
    maps = torch.zeros(len(attention[0][0]), len(attention), attention[0][1].shape[1])
    for t, (rows, weights) in enumerate(attention):
        maps[rows.cpu(), t] = weights.float().cpu()
    return maps


def _hypotheses(
    words: list[list[int]], log_probs: list[list[float]], attention: Float[Tensor, "B T R"]
) -> list[Hypothesis]:
    """Cut each row at its end token."""
    lengths = [row.index(END) for row in words]
    return [
        Hypothesis(ids[:length], values[: length + 1], maps[:length].clone())
        for ids, values, maps, length in zip(words, log_probs, attention, lengths, strict=True)
    ]
