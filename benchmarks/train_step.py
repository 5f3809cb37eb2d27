"""Captions a second of training at the lesson's shapes, decoders in turn within one run.

    python benchmarks/train_step.py                                  # the GRU's two roads
    python benchmarks/train_step.py --decoder show_attend_gru transformer [--precision bfloat16]

Regions 64 x 2048, embedding 256, units 512, 5,001 words, 64 captions a step or a few more (five a
picture), lengths as in Flickr8k (mean 12.8 with start and end); decoders have their default sizes.
Forward, backward, clipping, Adam. The ratio is to the first one named.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

from tushuo.decoders import DECODERS
from tushuo.decoders.base import Decoder
from tushuo.train.batches import Batch, Example, collate

STEPS = 15
PLAIN = "show_attend_gru, plain road"


def make(name: str) -> Decoder:
    """Build a decoder of the lesson's shapes."""
    kind, settings = DECODERS[name.split(",")[0]]
    decoder = kind(width=2048, vocabulary=5001, config=settings())
    if name == PLAIN:
        decoder.fast = False
    return decoder


def stepper(
    decoder: Decoder, regions: torch.Tensor, batch: Batch, precision: str
) -> Callable[[], float]:
    """Return a function that takes one training step and says the seconds."""
    optimizer = torch.optim.Adam(decoder.parameters())

    def step() -> float:
        began = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = decoder(regions, batch.words, batch.pictures)
        cross_entropy(logits.float(), batch.targets).backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad()
        return time.perf_counter() - began

    return step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--decoder", nargs="+", default=[PLAIN, "show_attend_gru"])
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    lengths = torch.normal(12.8, 3.8, (65,)).round().clamp(5, 30).int().tolist()
    captions = [torch.randint(4, 5001, (length,)).tolist() for length in lengths]
    batch = collate([Example(row, captions[5 * row : 5 * row + 5]) for row in range(13)])
    regions = torch.rand(13, 64, 2048)
    steps = {name: stepper(make(name), regions, batch, chosen.precision) for name in chosen.decoder}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(STEPS + 2):
        for name, step in steps.items():
            taken = step()
            if turn >= 2:
                seconds[name].append(taken)
    print(
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{chosen.precision}, {len(batch.targets)} words a step"
    )
    first = statistics.median(seconds[chosen.decoder[0]])
    for name, measured in seconds.items():
        low, *_, high = sorted(len(captions) / one for one in measured)[1:-1]
        middle = statistics.median(measured)
        print(
            f"{name:28}  {len(captions) / middle:5.0f} captions/s  ({low:.0f} to {high:.0f}), "
            f"ratio {first / middle:.2f}"
        )


if __name__ == "__main__":
    main()
