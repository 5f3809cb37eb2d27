"""Time of the self-critical reward: sampled captions scored in one step of a training.

    python benchmarks/reward.py DATA [--pictures 64 --samples 5]

The pictures' own training captions with some words exchanged stand for the samples.
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
    options = parser.parse_args()
    records = [record for record in tushuo.data.read(options.data) if record.captions]
    words = [[tokenize(caption, "words") for caption in record.captions] for record in records]
    vocabulary = Vocabulary.fit((one for of in words for one in of), VocabularyConfig())
    references = [[vocabulary.encode(one)[1:] for one in of] for of in words]
    began = time.perf_counter()
    reward = Reward(references, bleu=0.5)
    print(f"{len(references)} pictures made ready in {time.perf_counter() - began:.2f} s")
    draw, times = random.Random(0), []
    for _ in range(STEPS):
        chosen = [draw.randrange(len(references)) for _ in range(options.pictures)]
        rows = [picture for picture in chosen for _ in range(options.samples)]
        said = [
            [word if draw.random() < 0.8 else draw.randrange(4, 2000) for word in one]
            for one in (draw.choice(references[picture]) for picture in rows)
        ]
        began = time.perf_counter()
        reward(np.array(rows), said)
        times.append((time.perf_counter() - began) * 1000)
    middle = statistics.median(times)
    print(f"{len(rows)} captions: {middle:.1f} ms ({min(times):.1f} to {max(times):.1f})")


if __name__ == "__main__":
    main()
