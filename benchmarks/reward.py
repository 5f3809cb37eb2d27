"""Time of the self-critical reward of the sampled captions of one training step.

    python benchmarks/reward.py DATA [--pictures 64 --samples 5]

Reference captions with some words replaced serve as samples.
"""

import argparse
import random
import statistics
import time
from pathlib import Path

import numpy as np

import tushuo.data
from tushuo.metrics.reward import Reward
from tushuo.text.tokenization import tokenize
from tushuo.text.vocabulary import Vocabulary, VocabularyConfig

STEPS = 50


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--samples", type=int, default=5)
    args = parser.parse_args()
    records = [record for record in tushuo.data.read(args.data) if record.captions]
    words = [[tokenize(caption, "words") for caption in record.captions] for record in records]
    vocabulary = Vocabulary.fit((c for captions in words for c in captions), VocabularyConfig())
    references = [[vocabulary.encode(caption)[1:] for caption in captions] for captions in words]
    start = time.perf_counter()
    reward = Reward(references, bleu=0.5)
    print(f"{len(references)} pictures prepared in {time.perf_counter() - start:.2f} s")
    draw, times = random.Random(0), []
    for _ in range(STEPS):
        pictures = [draw.randrange(len(references)) for _ in range(args.pictures)]
        pictures = [picture for picture in pictures for _ in range(args.samples)]
        samples = [
            [word if draw.random() < 0.8 else draw.randrange(4, 2000) for word in caption]
            for caption in (draw.choice(references[picture]) for picture in pictures)
        ]
        start = time.perf_counter()
        reward(np.array(pictures), samples)
        times.append((time.perf_counter() - start) * 1000)
    median = statistics.median(times)
    print(f"{len(pictures)} captions: {median:.1f} ms ({min(times):.1f} to {max(times):.1f})")


if __name__ == "__main__":
    main()
