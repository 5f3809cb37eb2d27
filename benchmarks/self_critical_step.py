"""Processor time of a self-critical step: sampling, reward, and the whole step.

python benchmarks/self_critical_step.py DATA --run RUN --store STORE [--pictures 20 --samples 5]
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from timing import machine

import tushuo.data
from tushuo.features.regions import Regions
from tushuo.metrics.reward import Reward
from tushuo.runs.run import Run
from tushuo.text.tokenization import tokenize
from tushuo.training.self_critical import SelfCritical, sample_captions

STEPS, WARM_UP = 15, 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    for name in ("--run", "--store"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--samples", type=int, default=5)
    args = parser.parse_args()
    run, regions = Run.load(args.run), Regions.from_store(args.store)
    decoder = run.decoder.requires_grad_(True).train()
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=1e-5)
    records = [r for r in tushuo.data.read(args.data) if r.captions and r.split == "train"]
    encode = run.vocabulary.encode
    reward = Reward(
        [[encode(tokenize(c, run.config.tokenizer))[1:] for c in r.captions] for r in records]
    )
    times: dict[str, list[float]] = {"sampling": [], "reward": [], "the whole step": []}
    for step in range(WARM_UP + STEPS):
        indices = [(step * args.pictures + n) % len(records) for n in range(args.pictures)]
        batch = regions.read([regions.rows[records[index].image_id] for index in indices])
        clock = [time.process_time()]  # before and after each part
        samples = sample_captions(decoder, batch, args.samples)
        clock.append(time.process_time())
        reward(np.repeat(np.array(indices), args.samples), samples)
        clock.append(time.process_time())
        outcome = SelfCritical(decoder, reward, args.samples)(decoder, indices, batch)
        (outcome.loss / outcome.count).backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad()
        clock.append(time.process_time())
        if step >= WARM_UP:
            for name, seconds in zip(times, np.diff(clock), strict=True):
                times[name].append(seconds * 1000)
    print(machine())
    whole = statistics.median(times["the whole step"])
    for name, taken in times.items():
        median = statistics.median(taken)
        low, high = min(taken), max(taken)
        print(f"{name:15}{median:7.0f} ms ({low:.0f} to {high:.0f}), {median / whole:.1%}")


if __name__ == "__main__":
    main()
