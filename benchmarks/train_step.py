"""Captions a second of training at the lesson's shapes, decoders and precisions in turn.

    python benchmarks/train_step.py
    python benchmarks/train_step.py --decoder show_attend_gru --precision float32 bfloat16
    python benchmarks/train_step.py --decoder show_attend_gru --doubly-stochastic 0 1
    python benchmarks/train_step.py --decoder show_attend_gru --teachers 0 1 3

Regions 64 x 2048, embedding 256, units 512, 5,001 words, 64 captions a step or a few more (five a
picture), lengths as in Flickr8k (mean 12.8 with start and end); decoders have their default sizes,
teachers are of the same kind. Forward, backward, clipping, Adam. Ratios are to the first line, the
same run. With OMP_NUM_THREADS=1 it is the processor's time that counts, which other programs change
little.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from itertools import product

import torch
from torch.nn.functional import cross_entropy

from tushuo.decoders import DECODERS
from tushuo.decoders.ensemble import Ensemble
from tushuo.runs.run import prepare_for_inference
from tushuo.training.attention_regularization import doubly_stochastic_penalty
from tushuo.training.batches import Example, collate

STEPS = 15


def stepper(
    name: str, precision: str, penalty: float, teachers: int
) -> tuple[Callable[[], float], int]:
    """Return a function that takes one training step and says the seconds, and its captions."""
    torch.manual_seed(0)
    lengths = torch.normal(12.8, 3.8, (65,)).round().clamp(5, 30).int().tolist()
    captions = [torch.randint(4, 5001, (length,)).tolist() for length in lengths]
    batch = collate([Example(row, captions[5 * row : 5 * row + 5]) for row in range(13)])
    regions = torch.rand(13, 64, 2048)
    kind, settings = DECODERS[name]
    decoder, *others = (
        kind(width=2048, vocabulary=5001, config=settings()) for _ in range(1 + teachers)
    )
    ensemble = Ensemble([prepare_for_inference(other) for other in others]) if others else None
    optimizer = torch.optim.Adam(decoder.parameters())
    now = time.process_time if torch.get_num_threads() == 1 else time.perf_counter

    def step() -> float:
        began = now()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            if penalty:
                logits, maps = decoder.forward_with_attention(regions, batch.words, batch.pictures)
            else:
                logits = decoder(regions, batch.words, batch.pictures)
            loss = cross_entropy(logits.float(), batch.targets)
            if ensemble is not None:
                with torch.no_grad():
                    theirs = ensemble(regions, batch.words, batch.pictures).float().softmax(-1)
                loss = (loss + cross_entropy(logits.float(), theirs)) / 2
        if penalty:
            unseen = doubly_stochastic_penalty(maps, batch.words.batch_sizes)
            loss = loss + penalty * unseen / len(batch.targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad()
        return now() - began

    return step, len(captions)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--decoder", nargs="+", default=list(DECODERS), choices=list(DECODERS))
    parser.add_argument("--precision", nargs="+", default=["float32"])
    parser.add_argument("--doubly-stochastic", nargs="+", type=float, default=[0.0])
    parser.add_argument("--teachers", nargs="+", type=int, default=[0])
    chosen = parser.parse_args()
    given = (chosen.decoder, chosen.precision, chosen.doubly_stochastic, chosen.teachers)
    lines = list(product(*given))
    steps = {line: stepper(*line) for line in lines}
    rates: dict[tuple[str, str, float, int], list[float]] = {line: [] for line in steps}
    for turn in range(STEPS + 2):
        for line, (step, captions) in steps.items():
            rate = captions / step()
            if turn >= 2:
                rates[line].append(rate)
    print(f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    first = statistics.median(next(iter(rates.values())))
    for line, measured in rates.items():
        _, low, *_, high, _ = sorted(measured)
        middle = statistics.median(measured)
        print(
            f"{line[0]:16} {line[1]:9} penalty {line[2]:g} teachers {line[3]} "
            f"{middle:5.0f} captions/s  ({low:.0f} to {high:.0f}), ratio {middle / first:.2f}"
        )


if __name__ == "__main__":
    main()
