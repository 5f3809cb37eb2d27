"""Self-critical training: raise the probability of sampled captions with a high reward.

Rennie et al., "Self-critical Sequence Training for Image Captioning", CVPR 2017: equation 3, by its
gradient with a baseline, equation 7.

Differs from the paper: the baseline of a caption is the mean reward of the other captions sampled
for the same picture (Luo, "A Better Variant of Self-Critical Sequence Training", 2020) and not the
reward of the greedy caption, which costs one more search; captions are sampled without dropout and
trained on with it; ``<unk>`` is never sampled; and ``<end>`` counts as a word of the reward, or
captions learn to stop at "in a".
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
from tushuo.training.token_sampling import mask_special, sample_words

RewardFunction = Callable[[Int[np.ndarray, " B"], Sequence[Sequence[int]]], Float[np.ndarray, " B"]]
"""Scores captions: indices of their training examples, and their ids with ``<end>`` if reached."""

MAX_WORDS = 30  # a longer caption is cut off, without <end>


@dataclass(frozen=True)
class SelfCritical:
    """The objective: advantage of each sampled caption times its log-probability."""

    decoder: Decoder
    reward: RewardFunction
    samples: int

    def __call__(
        self,
        model: nn.Module,
        indices: Sequence[int],
        regions: Float[Tensor, "P R D"],
        done: float = 0.0,
        views: Sequence[int] | None = None,
    ) -> Outcome:
        """Sample captions, score them, and run them teacher forced for the gradient."""
        sampled = sample_captions(self.decoder, regions, self.samples)
        examples = np.repeat(np.array(indices), self.samples)
        rewards = torch.from_numpy(self.reward(examples, sampled)).float()
        advantages = leave_one_out_advantage(rewards.view(-1, self.samples)).flatten()
        order = sorted(range(len(sampled)), key=lambda n: -len(sampled[n]))
        captions = [torch.tensor([START, *sampled[n]]) for n in order]
        words = pack_sequence([ids[:-1] for ids in captions]).to(regions.device)  # type: ignore[arg-type]
        targets = pack_sequence([ids[1:] for ids in captions]).data.to(regions.device)
        weights = pack_sequence([advantages[n].expand(len(sampled[n])) for n in order]).data
        logits = model(regions, words, torch.tensor(order).to(regions.device) // self.samples)
        log_probs = mask_special(at_least_float32(logits)).log_softmax(dim=-1)
        chosen = log_probs.gather(1, targets[:, None])[:, 0]
        loss = -(weights.to(regions.device) * chosen).sum()
        return Outcome(loss, float(rewards.sum()), len(sampled))


def leave_one_out_advantage(rewards: Float[Tensor, "P K"]) -> Float[Tensor, "P K"]:
    """Subtract from each sample's reward the mean reward of its picture's other samples."""
    K = rewards.shape[1]
    return (rewards - rewards.mean(dim=1, keepdim=True)) * (K / (K - 1))


@torch.no_grad()
def sample_captions(
    decoder: Decoder, regions: Float[Tensor, "P R D"], samples: int
) -> list[list[int]]:
    """Sample captions word by word from the decoder's probabilities, for all pictures at once.

    Returns:
        ``samples`` captions per picture, picture by picture, as ids with ``<end>``.
    """
    was_training = decoder.training
    decoder.eval()
    pictures = torch.arange(len(regions), device=regions.device).repeat_interleave(samples)
    state = decoder.start(regions).select(pictures)
    unfinished = torch.arange(len(pictures), device=regions.device)
    words = torch.full_like(unfinished, START)
    captions: list[list[int]] = [[] for _ in range(len(unfinished))]
    for _ in range(MAX_WORDS):
        step = decoder.step(words, state)
        words = sample_words(mask_special(step.log_probs.float()).softmax(dim=-1))
        for row, word in zip(unfinished.tolist(), words.tolist(), strict=True):
            captions[row].append(word)
        rows = (words != END).nonzero()[:, 0]
        if len(rows) == 0:
            break
        words, unfinished, state = words[rows], unfinished[rows], step.state.select(rows)
    decoder.train(was_training)
    torch.clear_autocast_cache()  # weights cast without gradients must not be reused
    return captions
