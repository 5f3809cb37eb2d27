"""Self-critical training: learn from captions that the decoder drew itself, judged by a reward.

Rennie et al., "Self-critical Sequence Training for Image Captioning", CVPR 2017: equation 3, by its
gradient with a baseline, equation 7.

Differs from the paper: a caption is judged by the mean reward of the other captions drawn for the
same picture (Luo, "A Better Variant of Self-Critical Sequence Training", 2020) and not by the
greedy caption's, which costs one more search; captions are drawn without dropout and learned from
with it; ``<unk>`` is never drawn; and the end token is a word to the reward, or captions learn to
stop at "in a".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from tushuo.decoders.base import Decoder
from tushuo.decoders.precision import at_least_float32
from tushuo.text.vocabulary import END, START
from tushuo.training.objective import Outcome
from tushuo.training.scheduled_inputs import draw_words, mask_special

Reward = Callable[[Int[np.ndarray, " B"], Sequence[Sequence[int]]], Float[np.ndarray, " B"]]
"""Judges captions, as ids with ``<end>`` where they ended, of training pictures given by place."""

MOST_WORDS = 30  # a caption that goes on beyond them is cut, and has no end


@dataclass(frozen=True)
class SelfCritical:
    """The objective: reward above the other samples' mean, times log-probability."""

    decoder: Decoder
    reward: Reward
    samples: int

    def __call__(
        self,
        model: nn.Module,
        places: Sequence[int],
        regions: Float[Tensor, "P R D"],
        done: float = 0.0,
        views: Sequence[int] | None = None,
    ) -> Outcome:
        """Draw captions, judge them, and run them teacher forced for their gradient."""
        drawn = draw(self.decoder, regions, self.samples)
        pictures = np.repeat(np.array(places), self.samples)
        rewards = torch.from_numpy(self.reward(pictures, drawn)).float()
        advantages = leave_one_out_advantage(rewards.view(-1, self.samples)).flatten()
        order = sorted(range(len(drawn)), key=lambda n: -len(drawn[n]))
        spoken = [torch.tensor([START, *drawn[n]]) for n in order]
        words = pack_sequence([ids[:-1] for ids in spoken]).to(regions.device)  # type: ignore[arg-type]
        targets = pack_sequence([ids[1:] for ids in spoken]).data.to(regions.device)
        weights = pack_sequence([advantages[n].expand(len(drawn[n])) for n in order]).data
        logits = model(regions, words, torch.tensor(order).to(regions.device) // self.samples)
        scores = mask_special(at_least_float32(logits)).log_softmax(dim=-1)
        found = scores.gather(1, targets[:, None])[:, 0]
        loss = -(weights.to(regions.device) * found).sum()
        return Outcome(loss, float(rewards.sum()), len(drawn))


def leave_one_out_advantage(rewards: Float[Tensor, "P K"]) -> Float[Tensor, "P K"]:
    """Subtract from each sample's reward the mean reward of its picture's other samples."""
    K = rewards.shape[1]
    return (rewards - rewards.mean(dim=1, keepdim=True)) * (K / (K - 1))


@torch.no_grad()
def draw(decoder: Decoder, regions: Float[Tensor, "P R D"], samples: int) -> list[list[int]]:
    """Draw captions word by word from the decoder's probabilities, all pictures at once.

    Returns:
        ``samples`` captions a picture, picture after picture, as ids with ``<end>``.
    """
    was_training = decoder.training
    decoder.eval()
    alive = torch.arange(len(regions), device=regions.device).repeat_interleave(samples)
    state = decoder.start(regions).select(alive)
    alive = torch.arange(len(alive), device=regions.device)
    words = torch.full_like(alive, START)
    spoken: list[list[int]] = [[] for _ in range(len(alive))]
    for _ in range(MOST_WORDS):
        step = decoder.step(words, state)
        words = draw_words(mask_special(step.log_probs.float()).softmax(dim=-1))
        for row, word in zip(alive.tolist(), words.tolist(), strict=True):
            spoken[row].append(word)
        going = (words != END).nonzero()[:, 0]
        if len(going) == 0:
            break
        words, alive, state = words[going], alive[going], step.state.select(going)
    decoder.train(was_training)
    torch.clear_autocast_cache()  # weights cast without gradients must not serve the next forward
    return spoken
