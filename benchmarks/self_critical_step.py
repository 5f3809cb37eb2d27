"""Where the processor's time of a self-critical step goes: drawing, judging, learning.

python benchmarks/self_critical_step.py DATA --run RUN --store STORE [--pictures 20 --samples 5]
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import numpy as np
import torch

import tushuo.data
from tushuo.features.regions import Regions
from tushuo.metrics.reward import Reward
from tushuo.runs.run import Run
from tushuo.text.tokenization import tokenize
from tushuo.training.self_critical import SelfCritical, sample_captions

STEPS = 15


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    for name in ("--run", "--store"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--samples", type=int, default=5)
    options = parser.parse_args()
    run, regions = Run.load(options.run), Regions.from_store(options.store)
    decoder = run.decoder.requires_grad_(True).train()
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=1e-5)
    records = [r for r in tushuo.data.read(options.data) if r.captions and r.split == "train"]
    encode = run.vocabulary.encode
    reward = Reward(
        [[encode(tokenize(c, run.config.tokenizer))[1:] for c in r.captions] for r in records]
    )
    times: dict[str, list[float]] = {"drawing": [], "judging": [], "the whole step": []}
    for step in range(STEPS + 2):
        places = [(step * options.pictures + n) % len(records) for n in range(options.pictures)]
        looked = regions.read([regions.rows[records[place].image_id] for place in places])
        began = time.process_time()
        drawn = sample_captions(decoder, looked, options.samples)
        drawing = time.process_time() - began
        began = time.process_time()
        reward(np.repeat(np.array(places), options.samples), drawn)
        judging = time.process_time() - began
        began = time.process_time()
        found = SelfCritical(decoder, reward, options.samples)(decoder, places, looked)
        (found.loss / found.count).backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad()
        whole = time.process_time() - began
        if step >= 2:
            for name, taken in zip(times, (drawing, judging, whole), strict=True):
                times[name].append(taken * 1000)
    print(f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    middle = statistics.median(times["the whole step"])
    for name, taken in times.items():
        share = statistics.median(taken) / middle
        low, high = min(taken), max(taken)
        print(f"{name:15}{statistics.median(taken):7.0f} ms ({low:.0f} to {high:.0f}), {share:.1%}")


if __name__ == "__main__":
    main()
