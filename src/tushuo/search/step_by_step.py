"""Greedy and sampled captions: one word after the other, all pictures of a batch at once."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.decoders.base import Decoder
from tushuo.errors import SettingError
from tushuo.search.config import SearchConfig
from tushuo.search.filters import NEVER, rules_of
from tushuo.search.hypothesis import Hypothesis
from tushuo.search.sampling import draw, picture_fingerprint, scramble, uniforms, warp_logits
from tushuo.text.vocabulary import END, PAD, START, Vocabulary

Choose = Callable[[Float[Tensor, "B V"], Int[Tensor, " B"], int], Int[Tensor, " B"]]


@torch.inference_mode()
def step_by_step(
    decoder: Decoder,
    regions: Float[Tensor, "P R D"],
    config: SearchConfig,
    vocabulary: Vocabulary | None,
) -> list[list[Hypothesis]]:
    """Caption every picture of a batch, greedily or by sampling.

    A picture's captions do not depend on the batch around it: its random numbers come from the
    seed, the picture's own look and the sample's number, and finished captions are dropped.

    Returns:
        ``n_best`` captions a picture; samples in the order in which they are drawn.

    Raises:
        SettingError: a word is not in the vocabulary, or the rules leave a caption no next word.
    """
    rules = rules_of(config, vocabulary)
    rows = torch.arange(len(regions), device=regions.device).repeat_interleave(config.n_best)
    state = decoder.start(regions)
    if config.n_best > 1:
        state = state.select(rows)
    alive = torch.arange(len(rows), device=rows.device)
    choose = _chooser(regions, config)
    words = torch.full((len(rows), config.max_words + 1), PAD, device=rows.device)
    log_probs = torch.zeros(words.shape, device=rows.device)
    seen: list[tuple[Tensor, Tensor]] = []  # rows, and where each looked
    last = torch.full((len(rows),), START, device=rows.device)
    for t in range(config.max_words + 1):
        step = decoder.step(last, state)
        scores = rules(step.log_probs, words[alive, :t])
        last = choose(scores, alive, t)
        words[alive, t] = last
        log_probs[alive, t] = scores.gather(1, last[:, None])[:, 0].float()
        seen.append((alive, step.attention))
        unfinished = (last != END).nonzero()[:, 0]
        state = step.state
        if len(unfinished) < len(alive):
            alive, last, state = alive[unfinished], last[unfinished], state.select(unfinished)
        if len(alive) == 0:
            break
    if bool((log_probs == NEVER).any()):
        raise SettingError(
            "the constraints leave a caption without a next word; loosen them, or raise max-words"
        )
    found = _hypotheses(words.tolist(), log_probs.tolist(), _maps(seen))
    return [found[start : start + config.n_best] for start in range(0, len(found), config.n_best)]


def _chooser(regions: Float[Tensor, "P R D"], config: SearchConfig) -> Choose:
    """Return what takes the likeliest words, or draws them."""
    if config.search == "greedy":
        return lambda scores, alive, t: scores.argmax(dim=-1)
    pictures = scramble(picture_fingerprint(regions) ^ config.seed).repeat_interleave(config.n_best)
    samples = torch.arange(config.n_best, device=regions.device).repeat(len(regions))
    keys = scramble(pictures + samples)
    return lambda scores, alive, t: draw(warp_logits(scores, config), uniforms(keys[alive], t))


def _maps(seen: list[tuple[Tensor, Tensor]]) -> Float[Tensor, "B T R"]:
    """Put together where each row looked; the first step has all rows."""
    maps = torch.zeros(len(seen[0][0]), len(seen), seen[0][1].shape[1])
    for t, (rows, looked) in enumerate(seen):
        maps[rows.cpu(), t] = looked.float().cpu()
    return maps


def _hypotheses(
    words: list[list[int]], log_probs: list[list[float]], attention: Float[Tensor, "B T R"]
) -> list[Hypothesis]:
    """Cut the rows at their ends."""
    lengths = [row.index(END) for row in words]
    return [
        Hypothesis(said[:length], of[: length + 1], looked[:length].clone())
        for said, of, looked, length in zip(words, log_probs, attention, lengths, strict=True)
    ]
