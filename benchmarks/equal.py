"""How equal scores are to the official evaluator's; what METEOR costs without and with Java.

    pip install 'tushuo[official]'          # and a Java runtime
    python benchmarks/equal.py DATA [--mutilated 5000]

Each picture's first caption of the val split against its others, and such captions mutilated at
random, so that all rules of METEOR are reached. Times are processor seconds, since the machine may
have other things to do; Linux alone tells them of another process.
"""

import argparse
import contextlib
import io
import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np

import tushuo.data
from tushuo.metrics.base import Metric, corpus_scores
from tushuo.metrics.bleu import Bleu
from tushuo.metrics.cider import Cider
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.meteor import java, python
from tushuo.metrics.meteor.formula import Meteor, without_whole
from tushuo.metrics.rouge import RougeL
from tushuo.metrics.score import corpus_of

MARKS = (
    "mr. u.s. a.m. no. 3 10,000 1,2,3 o'clock n't 's '' ` -- ... .. … — t-shirt a-b-c x-.y 90's "
    "(a) é naïve 中文 🐶 \"hi\" :-) ; , . ! ? & a.b.c e.g. vs. 5. as c5 or q4 ' 'tis ‘x’ “y” $5 "
    "1/2 |||"
)


def quick(corpus: Corpus) -> None:
    """Compare BLEU, ROUGE-L and CIDEr, of the corpus and of each picture."""
    from pycocoevalcap.bleu.bleu import Bleu as OfficialBleu
    from pycocoevalcap.cider.cider import Cider as OfficialCider
    from pycocoevalcap.rouge.rouge import Rouge

    own = {n: [" ".join(of)] for n, of in enumerate(corpus.hypotheses)}
    theirs = {n: [" ".join(one) for one in of] for n, of in enumerate(corpus.references)}
    pairs: list[tuple[Metric, Any]] = [
        (Bleu(), OfficialBleu(4)),
        (RougeL(), Rouge()),
        (Cider(), OfficialCider()),
    ]
    for metric, official in pairs:
        with contextlib.redirect_stdout(io.StringIO()):
            total, single = official.compute_score(theirs, own)
        statistics = metric.statistics(corpus)
        ours = list(corpus_scores(metric, statistics).values())
        off = np.abs(np.array(ours[: np.size(total)]) - total).max()
        images = metric.scores(statistics)[:, : np.size(total)].T
        print(f"{metric.names[0]}: corpus {off:.1e}, pictures {np.abs(images - single).max():.1e}")


def program(corpus: Corpus) -> tuple[float, Any]:
    """Ask the program; return its processor seconds, and the counts."""
    ticks = os.sysconf("SC_CLK_TCK")
    pid = java._program().pid

    def spent() -> float:
        user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / ticks

    before = spent()
    counts = java.count(corpus)
    return spent() - before, counts


def ours(corpus: Corpus) -> tuple[float, Any]:
    """Count without Java; return the processor seconds, and the counts."""
    before = time.process_time()
    counts = python.count(corpus)
    return time.process_time() - before, counts


def meteor(corpus: Corpus, what: str) -> None:
    """Compare METEOR's counts and scores, without Java and with it."""
    own_seconds, own = ours(corpus)
    seconds, theirs = program(corpus)
    equal = (own == theirs).all(axis=1).sum()
    both = [without_whole(counts) for counts in (own, theirs)]
    singles = [Meteor().scores(counts) for counts in both]
    totals = [Meteor().scores(counts.sum(axis=0, keepdims=True)) for counts in both]
    print(
        f"METEOR, {what}: {equal} of {len(own)} pictures with equal counts; largest difference "
        f"{np.abs(singles[0] - singles[1]).max():.1e}, of the corpus "
        f"{abs(totals[0] - totals[1]).item():.1e}; {own_seconds:.1f} s, the program {seconds:.1f} s"
    )


def mutilate(draw: random.Random, caption: list[str], known: list[str], phrases: list[str]) -> Any:
    """Lose, double, borrow and move words, and put paraphrases and marks in."""
    caption = list(caption)
    for _ in range(draw.randint(0, 6)):
        place = draw.randrange(len(caption) + 1)
        phrase = draw.choice(phrases)
        what = draw.randrange(8)
        if what == 0:
            del caption[place : place + 1]
        elif what in (1, 2):
            caption.insert(place, draw.choice(known))
        elif what == 3:
            caption.insert(place, draw.choice(MARKS.split()))
        elif what == 4:
            caption[place:place] = caption[:2]
        elif what == 5:
            draw.shuffle(caption)
        elif what == 6:
            caption[place:place] = phrase.split()
        else:
            caption[place : place + 1] = draw.choice(python.paraphrases()[phrase]).split()
            caption[:0] = phrase.split()
    return caption


def mutilated(corpus: Corpus, count: int) -> Corpus:
    """Draw pictures with mutilated captions."""
    draw = random.Random(0)
    known = sorted({word for of in corpus.references for one in of for word in one})
    phrases = sorted(python.paraphrases().phrases)
    hypotheses, references = [], []
    for _ in range(count):
        place = draw.randrange(len(corpus.references))
        own, *others = (
            mutilate(draw, one, known, phrases)
            for one in (corpus.hypotheses[place], *corpus.references[place])
        )
        hypotheses.append(own)
        references.append(others[: draw.randint(1, len(others))])
    return Corpus(hypotheses, references)


def memory(pid: int | str = "self") -> float:
    """Return the most memory that a process took, in GB."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(one for one in status if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1e6


def main() -> None:
    """Compare all, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--mutilated", type=int, default=5000)
    options = parser.parse_args()
    records = tushuo.data.read(options.data)
    chosen = [r for r in records if r.split == "val" and len(r.captions) > 1]
    corpus = corpus_of(
        {str(r.image_id): r.captions[0] for r in chosen},
        {str(r.image_id): r.captions[1:] for r in chosen},
        "ptb",
    )
    quick(corpus)
    first = Corpus(corpus.hypotheses[:1], corpus.references[:1])
    before = memory()
    loads = [count(first)[0] for count in (ours, program)]
    print(f"METEOR, to its first score: {loads[0]:.1f} s, the program {loads[1]:.1f} s")
    meteor(corpus, "val")
    took = memory() - before
    meteor(mutilated(corpus, options.mutilated), "mutilated")
    print(f"METEOR took {took:.2f} GB, the program {memory(java._program().pid):.2f} GB")


if __name__ == "__main__":
    main()
