"""Captions a second of training at the lesson's shapes, fast road and plain road in turn.

    python benchmarks/train_step.py

Regions 64 x 2048, embedding 256, units 512, 5,001 words, 64 captions a step or a few more (five a
picture), lengths as in Flickr8k (mean 12.8 with start and end). Forward, backward, clipping, Adam.
"""

import os
import statistics
import time

import torch
from torch.nn.functional import cross_entropy

from tushuo.decoders.show_attend_gru import ShowAttendGRU, ShowAttendGRUConfig
from tushuo.train.batches import Example, collate

STEPS = 15


def main() -> None:
    """Measure and print."""
    torch.manual_seed(0)
    decoder = ShowAttendGRU(width=2048, vocabulary=5001, config=ShowAttendGRUConfig())
    optimizer = torch.optim.Adam(decoder.parameters())
    lengths = torch.normal(12.8, 3.8, (65,)).round().clamp(5, 30).int().tolist()
    captions = [torch.randint(4, 5001, (length,)).tolist() for length in lengths]
    batch = collate([Example(row, captions[5 * row : 5 * row + 5]) for row in range(13)])
    regions = torch.rand(13, 64, 2048)

    def step() -> float:
        began = time.perf_counter()
        logits = decoder(regions, batch.words, batch.pictures)
        cross_entropy(logits, batch.targets).backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad()
        return time.perf_counter() - began

    seconds: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(STEPS + 2):
        for fast, measured in seconds.items():
            decoder.fast = fast
            taken = step()
            if turn >= 2:
                measured.append(taken)
    rates = {
        fast: sorted(len(captions) / one for one in measured) for fast, measured in seconds.items()
    }
    print(
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{len(batch.targets)} words a step"
    )
    for fast, name in ((True, "fast road"), (False, "plain road")):
        low, high = rates[fast][STEPS // 10], rates[fast][-STEPS // 10]
        middle = statistics.median(rates[fast])
        print(f"{name:10}  {middle:5.0f} captions/s  ({low:.0f} to {high:.0f})")
    print(f"ratio       {statistics.median(rates[True]) / statistics.median(rates[False]):.2f}")


if __name__ == "__main__":
    main()
