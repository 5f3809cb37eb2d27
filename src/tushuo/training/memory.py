"""How much memory a training takes, before it is begun."""

import torch

from tushuo.decoders import build
from tushuo.encoders.spec import EncoderSpec
from tushuo.training.plan import TrainingPlan

BASE_BYTES = 450_000_000  # Python, torch, the figures; measured (docs/data.md)
FLOAT = 4
COPIES = 4  # of each weight: itself, its gradient, Adam's two moments
HELD = 4  # times what it works in is what a process comes to hold at most; measured (docs/data.md)


def training_bytes(
    config: TrainingPlan, spec: EncoderSpec, *, vocabulary: int, words: float
) -> int:
    """Estimate the memory that a training on the CPU works in, in bytes.

    What counts: Python and torch; the weights with Adam's numbers; for every word of a batch one
    number a region and unit, which the way back wants; the logits with their gradient. What does
    not: blocks of the encoder that learn; the store, which is mapped, not read; what was freed and
    stays with the process, which makes it hold up to ``HELD`` times as much in the end.

    Args:
        config: all choices of the training.
        spec: the encoder whose regions are learned from.
        vocabulary: number of words.
        words: mean number of words of a caption.
    """
    sizes = {"width": spec.width, "vocabulary": vocabulary}
    with torch.device("meta"):  # shapes alone; no memory is taken
        decoder = build(config.decoder, config.decoder_settings, **sizes)
    weights = sum(weight.numel() for weight in decoder.parameters())
    units = max(weight.shape[0] for name, weight in decoder.named_parameters() if "key" in name)
    batch = config.training.batch_size
    attention = batch * (words + 4) * spec.regions * units  # 4: keys, values and their gradients
    logits = 3 * batch * words * vocabulary
    return int(BASE_BYTES + FLOAT * (COPIES * weights + attention + logits))
