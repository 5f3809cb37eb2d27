"""Estimate the memory that a training needs."""

import torch

from tushuo.decoders import build
from tushuo.encoders.spec import EncoderSpec
from tushuo.training.plan import TrainingPlan

BASE_BYTES = 450_000_000  # Python, torch, matplotlib; measured (docs/data.md)
FLOAT_BYTES = 4
WEIGHT_COPIES = 4  # the weight, its gradient, Adam's two moments
RESIDENT_FACTOR = 4  # resident memory of the process, at most, per working memory; measured there


def training_bytes(plan: TrainingPlan, spec: EncoderSpec, *, vocabulary: int, words: float) -> int:
    """Estimate the working memory of a training on the CPU, in bytes.

    Counted are Python and torch; the weights with Adam's moments; for each word of a batch one
    number per region and attention unit, kept for the backward pass; the logits and their gradient.
    Not counted are blocks of the encoder that are fine-tuned, the memory-mapped store, and freed
    memory that stays with the process, which can come to hold ``RESIDENT_FACTOR`` times as much.

    Args:
        plan: all choices of the training.
        spec: the encoder of the regions.
        vocabulary: number of words in the vocabulary.
        words: mean number of words of a caption.
    """
    sizes = {"width": spec.width, "vocabulary": vocabulary}
    with torch.device("meta"):  # shapes only, without memory
        decoder = build(plan.decoder, plan.decoder_settings, **sizes)
    weights = sum(weight.numel() for weight in decoder.parameters())
    units = max(weight.shape[0] for name, weight in decoder.named_parameters() if "key" in name)
    batch = plan.training.batch_size
    attention = batch * (words + 4) * spec.regions * units  # 4: keys, values and their gradients
    logits = 3 * batch * words * vocabulary
    return int(BASE_BYTES + FLOAT_BYTES * (WEIGHT_COPIES * weights + attention + logits))
