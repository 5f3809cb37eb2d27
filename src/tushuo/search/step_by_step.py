"""Greedy and sampled captions: one word after the other, all pictures of a batch at once."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.decoders.base import Decoder
from tushuo.search.config import Hypothesis, SearchConfig
from tushuo.vocabulary import END, PAD, START, UNK


@torch.inference_mode()
def step_by_step(
    decoder: Decoder, regions: Float[Tensor, "P R D"], config: SearchConfig
) -> list[list[Hypothesis]]:
    """Caption every picture of a batch, greedily or by sampling.

    A picture's caption does not depend on the batch around it: each picture draws from a generator
    of its own, seeded alike, and finished captions are dropped from the batch.

    Returns:
        One hypothesis a picture. ``<pad>``, ``<start>`` and ``<unk>`` are never spoken; the
        log-probabilities are those of the decoder, before temperature.
    """
    P, R, _ = regions.shape
    state, alive = decoder.start(regions), torch.arange(P, device=regions.device)
    words = torch.full((P,), START, device=regions.device)
    generators = [torch.Generator().manual_seed(config.seed) for _ in range(P)]
    spoken: list[list[int]] = [[] for _ in range(P)]
    log_probs: list[list[float]] = [[] for _ in range(P)]
    attention: list[list[Tensor]] = [[] for _ in range(P)]
    for _ in range(config.max_words + 1):
        step = decoder.step(words, state)
        full = len(spoken[int(alive[0])]) == config.max_words
        words = _choose(step.log_probs, config, [generators[row] for row in alive.tolist()], full)
        chosen = step.log_probs.gather(1, words[:, None])[:, 0].tolist()
        for place, (row, word) in enumerate(zip(alive.tolist(), words.tolist(), strict=True)):
            log_probs[row].append(chosen[place])
            if word != END:
                spoken[row].append(word)
                attention[row].append(step.attention[place].cpu())
        going = (words != END).nonzero()[:, 0]
        if len(going) == 0:
            break
        words, alive, state = words[going], alive[going], step.state.select(going)
    maps = [torch.stack(rows) if rows else torch.zeros(0, R) for rows in attention]
    return [[Hypothesis(*parts)] for parts in zip(spoken, log_probs, maps, strict=True)]


def _choose(
    log_probs: Float[Tensor, "B V"],
    config: SearchConfig,
    generators: list[torch.Generator],
    full: bool,
) -> Int[Tensor, " B"]:
    """Choose the next words; a caption of full length can only end."""
    if full:
        return torch.full((len(log_probs),), END, device=log_probs.device)
    scores = log_probs.clone()
    scores[:, [PAD, START, UNK]] = -torch.inf
    if config.search == "sample":
        # Gumbel-max: adding -log(-log(u)) and taking the greatest draws from the softmax.
        V = scores.shape[1]
        uniform = torch.stack([torch.rand(V, generator=own) for own in generators])
        noise = uniform.clamp(1e-20).log().neg().clamp(1e-20).log().to(scores.device)
        scores = scores / config.temperature - noise
    return scores.argmax(dim=-1)
