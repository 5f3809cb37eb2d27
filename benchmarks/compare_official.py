"""Compare scores with the official evaluator's, and METEOR's cost without and with Java.

    pip install 'tushuo[official]'          # and a Java runtime
    python benchmarks/compare_official.py DATA [--mutated 5000]

Compares each picture's first caption of the validation split with its others, then randomly mutated
captions, which reach all rules of METEOR. Times are processor seconds, since the machine may be
busy; only Linux reports them for another process.
"""

import argparse
import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
from official import official_scores

import tushuo.data
from tushuo.metrics.base import corpus_scores
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.meteor import java, python
from tushuo.metrics.meteor.formula import Meteor, clear_single_chunks
from tushuo.metrics.score import METRICS, corpus_of

ODD_WORDS = (
    "mr. u.s. a.m. no. 3 10,000 1,2,3 o'clock n't 's '' ` -- ... .. … — t-shirt a-b-c x-.y 90's "
    "(a) é naïve 中文 🐶 \"hi\" :-) ; , . ! ? & a.b.c e.g. vs. 5. as c5 or q4 ' 'tis ‘x’ “y” $5 "
    "1/2 |||"
)


def compare_quick_metrics(corpus: Corpus) -> None:
    """Print differences of BLEU, ROUGE-L and CIDEr, of the corpus and of single pictures."""
    official = official_scores(
        {n: [" ".join(words)] for n, words in enumerate(corpus.hypotheses)},
        {n: [" ".join(words) for words in refs] for n, refs in enumerate(corpus.references)},
    )
    for name, expected in official.items():
        metric = METRICS[name]()
        statistics = metric.statistics(corpus)
        columns = len(expected.corpus)  # CIDEr has two names here
        ours = np.array(list(corpus_scores(metric, statistics).values())[:columns])
        pictures = metric.scores(statistics)[:, :columns].T
        print(
            f"{metric.names[0]}: corpus {np.abs(ours - expected.corpus).max():.1e}, pictures "
            f"{np.abs(pictures - expected.pictures).max():.1e}"
        )


def count_with_java(corpus: Corpus) -> tuple[float, Any]:
    """Return the official program's processor seconds and counts."""
    ticks = os.sysconf("SC_CLK_TCK")
    pid = java._program().pid

    def seconds() -> float:
        user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / ticks

    start = seconds()
    counts = java.count(corpus)
    return seconds() - start, counts


def count_without_java(corpus: Corpus) -> tuple[float, Any]:
    """Return our processor seconds and counts."""
    start = time.process_time()
    counts = python.count(corpus)
    return time.process_time() - start, counts


def compare_meteor(corpus: Corpus, name: str) -> None:
    """Print differences of METEOR's counts and scores, and the times."""
    our_seconds, our_counts = count_without_java(corpus)
    seconds, counts = count_with_java(corpus)
    equal = (our_counts == counts).all(axis=1).sum()
    statistics = [clear_single_chunks(rows) for rows in (our_counts, counts)]
    pictures = np.subtract(*(Meteor().scores(rows) for rows in statistics))
    total = np.subtract(*(Meteor().scores(rows.sum(axis=0, keepdims=True)) for rows in statistics))
    print(
        f"METEOR, {name}: {equal} of {len(counts)} pictures with equal counts; largest difference "
        f"{np.abs(pictures).max():.1e}, of the corpus {np.abs(total).item():.1e}; "
        f"{our_seconds:.1f} s, the program {seconds:.1f} s"
    )


def mutate(
    draw: random.Random, caption: list[str], vocabulary: list[str], phrases: list[str]
) -> list[str]:
    """Delete, insert, repeat and shuffle words, and insert paraphrases and odd words."""
    caption = list(caption)
    for _ in range(draw.randint(0, 6)):
        position = draw.randrange(len(caption) + 1)
        phrase = draw.choice(phrases)
        operation = draw.randrange(8)
        if operation == 0:
            del caption[position : position + 1]
        elif operation in (1, 2):
            caption.insert(position, draw.choice(vocabulary))
        elif operation == 3:
            caption.insert(position, draw.choice(ODD_WORDS.split()))
        elif operation == 4:
            caption[position:position] = caption[:2]
        elif operation == 5:
            draw.shuffle(caption)
        elif operation == 6:
            caption[position:position] = phrase.split()
        else:
            paraphrase = draw.choice(python.paraphrases()[phrase])
            caption[position : position + 1] = paraphrase.split()
            caption[:0] = phrase.split()
    return caption


def mutated(corpus: Corpus, count: int) -> Corpus:
    """Draw pictures and mutate their captions."""
    draw = random.Random(0)
    vocabulary = sorted({word for refs in corpus.references for words in refs for word in words})
    phrases = sorted(python.paraphrases().phrases)
    hypotheses, references = [], []
    for _ in range(count):
        picture = draw.randrange(len(corpus.references))
        hypothesis, *others = (
            mutate(draw, caption, vocabulary, phrases)
            for caption in (corpus.hypotheses[picture], *corpus.references[picture])
        )
        hypotheses.append(hypothesis)
        references.append(others[: draw.randint(1, len(others))])
    return Corpus(hypotheses, references)


def peak_memory(pid: int | str = "self") -> float:
    """Return the peak memory of a process in GB."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak = next(line for line in status if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1e6


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--mutated", type=int, default=5000)
    args = parser.parse_args()
    records = tushuo.data.read(args.data)
    records = [r for r in records if r.split == "val" and len(r.captions) > 1]
    corpus = corpus_of(
        {str(r.image_id): r.captions[0] for r in records},
        {str(r.image_id): r.captions[1:] for r in records},
        "ptb",
    )
    compare_quick_metrics(corpus)
    first = Corpus(corpus.hypotheses[:1], corpus.references[:1])
    before = peak_memory()
    loads = [count(first)[0] for count in (count_without_java, count_with_java)]
    print(f"METEOR, to its first score: {loads[0]:.1f} s, the program {loads[1]:.1f} s")
    compare_meteor(corpus, "val")
    memory = peak_memory() - before
    compare_meteor(mutated(corpus, args.mutated), "mutated")
    print(f"METEOR took {memory:.2f} GB, the program {peak_memory(java._program().pid):.2f} GB")


if __name__ == "__main__":
    main()
