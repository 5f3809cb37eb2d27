"""What a run predicts at each word of captions that are given."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.captioning.caption import Caption, Explanation, TokenProbability
from tushuo.runs.run import Run
from tushuo.search.force_decode import force_decode


@torch.inference_mode()
def explain(
    run: Run, regions: Float[Tensor, "1 R D"], captions: Sequence[Caption], top_words: int
) -> list[Explanation]:
    """List the most probable words at each step of captions of one picture."""
    vocabulary = run.vocabulary
    token_ids = [vocabulary.encode(caption.words)[1:-1] for caption in captions]
    pictures = torch.zeros(len(captions), dtype=torch.long)
    steps: list[list[tuple[TokenProbability, ...]]] = [[] for _ in captions]
    for rows, step in force_decode(run.decoder, regions, token_ids, pictures):
        top = step.log_probs.float().topk(min(top_words, len(vocabulary)))
        probabilities, ids = top.values.exp().tolist(), top.indices.tolist()
        for place, row in enumerate(rows.tolist()):
            candidates = zip(vocabulary.decode(ids[place]), probabilities[place], strict=True)
            steps[row].append(
                tuple(TokenProbability(word=word, probability=p) for word, p in candidates)
            )
    return [
        Explanation(caption=caption, steps=tuple(candidates))
        for caption, candidates in zip(captions, steps, strict=True)
    ]


@torch.inference_mode()
def token_log_probs(
    run: Run, regions: Float[Tensor, "P R D"], captions: Sequence[Sequence[str]]
) -> list[list[float]]:
    """Return the log-probability of each word of given captions, and of the end token."""
    token_ids = [run.vocabulary.encode(words)[1:] for words in captions]
    prefixes, pictures = [ids[:-1] for ids in token_ids], torch.arange(len(captions))
    log_probs: list[list[float]] = [[] for _ in captions]
    steps = force_decode(run.decoder, regions, prefixes, pictures)
    for t, (rows, step) in enumerate(steps):
        targets = torch.tensor([token_ids[row][t] for row in rows.tolist()])
        for row, value in zip(rows.tolist(), _gather(step.log_probs, targets), strict=True):
            log_probs[row].append(value)
    return log_probs


@torch.inference_mode()
def next_word_log_probs(
    run: Run,
    regions: Float[Tensor, "P R D"],
    prefixes: Sequence[Sequence[str]],
    words: Sequence[str],
) -> list[float]:
    """Return the log-probability of each word after its own prefix, given its own picture.

    Word n is predicted from row n of the regions and from prefix n.
    """
    token_ids = [run.vocabulary.encode(prefix)[1:-1] for prefix in prefixes]
    targets = torch.tensor(run.vocabulary.encode(words)[1:-1])
    log_probs = [0.0] * len(words)
    pictures = torch.arange(len(prefixes))
    for rows, step in force_decode(run.decoder, regions, token_ids, pictures):
        values = _gather(step.log_probs, targets[rows.cpu()])
        for row, value in zip(rows.tolist(), values, strict=True):
            log_probs[row] = value  # the last step of a prefix overwrites the earlier ones
    return log_probs


def _gather(log_probs: Float[Tensor, "K V"], targets: Int[Tensor, " K"]) -> list[float]:
    return log_probs.float().gather(1, targets.to(log_probs.device)[:, None])[:, 0].tolist()
