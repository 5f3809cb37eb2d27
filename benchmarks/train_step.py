"""Captions per second of training at the tutorial's shapes, for decoders and precisions in turn.

    python benchmarks/train_step.py
    python benchmarks/train_step.py --decoder show_attend_gru --precision float32 bfloat16
    python benchmarks/train_step.py --decoder show_attend_gru --doubly-stochastic 0 1
    python benchmarks/train_step.py --decoder show_attend_gru --teachers 0 1 3

Regions, vocabulary and caption lengths are as in the tutorial and in Flickr8k; decoders have their
default sizes, teachers are of the same kind. A step is forward, backward, clipping and Adam. Ratios
are to the first line. OMP_NUM_THREADS=1 measures processor time, hardly disturbed by others.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import product

import torch
from timing import machine, measure
from torch.nn.functional import cross_entropy

from tushuo.decoders import DECODERS
from tushuo.decoders.ensemble import Ensemble
from tushuo.runs.run import prepare_for_inference
from tushuo.training.attention_regularization import doubly_stochastic_penalty
from tushuo.training.batches import Example, collate

ROUNDS, PICTURES, REFERENCES, VOCABULARY = 15, 13, 5, 5001


def training_step(name: str, precision: str, penalty: float, teachers: int) -> Callable[[], None]:
    """Return a function that takes one training step."""
    torch.manual_seed(0)
    lengths = torch.normal(12.8, 3.8, (PICTURES * REFERENCES,)).round().clamp(5, 30).int().tolist()
    captions = [torch.randint(4, VOCABULARY, (length,)).tolist() for length in lengths]
    examples = [
        Example(row, captions[REFERENCES * row : REFERENCES * (row + 1)]) for row in range(PICTURES)
    ]
    batch = collate(examples)
    regions = torch.rand(PICTURES, 64, 2048)
    kind, settings = DECODERS[name]
    decoder, *others = (
        kind(width=2048, vocabulary=VOCABULARY, config=settings()) for _ in range(1 + teachers)
    )
    ensemble = Ensemble([prepare_for_inference(other) for other in others]) if others else None
    optimizer = torch.optim.Adam(decoder.parameters())

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            if penalty:
                logits, maps = decoder.forward_with_attention(regions, batch.words, batch.pictures)
            else:
                logits = decoder(regions, batch.words, batch.pictures)
            loss = cross_entropy(logits.float(), batch.targets)
            if ensemble is not None:
                with torch.no_grad():
                    targets = ensemble(regions, batch.words, batch.pictures).float().softmax(-1)
                loss = (loss + cross_entropy(logits.float(), targets)) / 2
        if penalty:
            regularisation = doubly_stochastic_penalty(maps, batch.words.batch_sizes)
            loss = loss + penalty * regularisation / len(batch.targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decoder", nargs="+", default=list(DECODERS), choices=list(DECODERS))
    parser.add_argument("--precision", nargs="+", default=["float32"])
    parser.add_argument("--doubly-stochastic", nargs="+", type=float, default=[0.0])
    parser.add_argument("--teachers", nargs="+", type=int, default=[0])
    args = parser.parse_args()
    settings = product(args.decoder, args.precision, args.doubly_stochastic, args.teachers)
    steps = {line: training_step(*line) for line in settings}
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times = measure(steps, rounds=ROUNDS, clock=clock, warm_up=2)
    print(machine())
    captions = PICTURES * REFERENCES
    first = statistics.median(next(iter(times.values())))
    for (decoder, precision, penalty, teachers), seconds in times.items():
        _, fast, *_, slow, _ = sorted(seconds)
        median = statistics.median(seconds)
        print(
            f"{decoder:16} {precision:9} penalty {penalty:g} teachers {teachers} "
            f"{captions / median:5.0f} captions/s  ({captions / slow:.0f} to "
            f"{captions / fast:.0f}), ratio {first / median:.2f}"
        )


if __name__ == "__main__":
    main()
