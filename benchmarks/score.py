"""Speed of scoring beside the official evaluator: tokenising, BLEU, ROUGE-L and CIDEr.

    pip install 'tushuo[official]'
    python benchmarks/score.py DATA [--pictures 5000]

Each picture's own captions are the references, and another picture's first caption the hypothesis.
"""

import argparse
import resource
import shutil
from functools import partial
from pathlib import Path

import numpy as np
from official import Captions, official_scores
from timing import measure

import tushuo.data
from tushuo.metrics.base import corpus_scores
from tushuo.metrics.score import METRICS, QUICK, corpus_of

ROUNDS = 3


def score(hypotheses: dict[str, str], references: Captions) -> list[float]:
    """Score with tushuo; CIDEr once."""
    corpus = corpus_of(hypotheses, references, "ptb")
    scores: dict[str, float] = {}
    for metric in (METRICS[name]() for name in QUICK):
        scores |= corpus_scores(metric, metric.statistics(corpus))
    scores.pop("CIDEr-D")
    return list(scores.values())


def score_officially(hypotheses: dict[str, str], references: Captions) -> list[float]:
    """Score with pycocoevalcap, tokenising by its Java program."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    def tokenise(captions: Captions) -> Captions:
        rows = {name: [{"caption": text} for text in texts] for name, texts in captions.items()}
        return PTBTokenizer().tokenize(rows)

    single = {name: [caption] for name, caption in hypotheses.items()}
    scores = official_scores(tokenise(single), tokenise(references))
    return [value for metric in scores.values() for value in metric.corpus.tolist()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=5000)
    args = parser.parse_args()
    records = [record for record in tushuo.data.read(args.data) if record.captions]
    records = (records * (args.pictures // len(records) + 1))[: args.pictures]
    references = {str(n): list(record.captions) for n, record in enumerate(records)}
    hypotheses = {str(n): records[n - 1].captions[0] for n in range(len(records))}
    jobs = {"tushuo": partial(score, hypotheses, references)}
    times = measure(jobs, rounds=ROUNDS, warm_up=0)["tushuo"]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{len(records)} captions; tushuo {min(times):.2f} to {max(times):.2f} s, ", end="")
    print(f"peak {memory:.2f} GB")
    if shutil.which("java") is None:
        return print("Java is not installed: the official evaluator is left out")
    jobs = {"official": partial(score_officially, hypotheses, references)}
    slow = measure(jobs, rounds=ROUNDS, warm_up=0)["official"]
    print(f"official {min(slow):.2f} to {max(slow):.2f} s, ratio {min(slow) / min(times):.1f}")
    ours, theirs = score(hypotheses, references), score_officially(hypotheses, references)
    return print(f"largest difference of a score: {np.abs(np.subtract(ours, theirs)).max():.1e}")


if __name__ == "__main__":
    main()
