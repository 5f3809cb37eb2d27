"""Speed of scoring beside the official evaluator: tokenizing, BLEU, ROUGE-L and CIDEr, in one run.

    pip install 'tushuo[official]'
    python benchmarks/score.py DATA [--pictures 5000]

Each picture's own captions are the references, and the next picture's first caption the hypothesis.
"""

import argparse
import contextlib
import io
import resource
import shutil
import time
from pathlib import Path
from typing import Any

import tushuo.data
from tushuo.metrics.base import corpus_scores
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.score import METRICS, QUICK, TOKENIZERS

RUNS = 3


def ours(hypotheses: dict[str, str], references: dict[str, list[str]]) -> dict[str, float]:
    """Score with tushuo."""
    split = TOKENIZERS["ptb"]
    corpus = Corpus(
        [split(caption) for caption in hypotheses.values()],
        [[split(caption) for caption in captions] for captions in references.values()],
    )
    scores: dict[str, float] = {}
    for metric in (METRICS[name]() for name in QUICK):
        scores |= corpus_scores(metric, metric.statistics(corpus))
    return scores


def official(hypotheses: dict[str, str], references: dict[str, list[str]]) -> list[float]:
    """Score with pycocoevalcap."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    def words(captions: dict[str, list[str]]) -> Any:
        form = {name: [{"caption": one} for one in of] for name, of in captions.items()}
        return PTBTokenizer().tokenize(form)

    theirs, own = words(references), words({name: [one] for name, one in hypotheses.items()})
    with contextlib.redirect_stdout(io.StringIO()):
        bleu, _ = Bleu(4).compute_score(theirs, own)
    return [*bleu, Rouge().compute_score(theirs, own)[0], Cider().compute_score(theirs, own)[0]]


def fastest(job: Any, *arguments: Any) -> tuple[float, float, Any]:
    """Run a job some times; return the shortest and the longest time, and what came."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        came = job(*arguments)
        times.append(time.perf_counter() - began)
    return min(times), max(times), came


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=5000)
    options = parser.parse_args()
    records = [record for record in tushuo.data.read(options.data) if record.captions]
    records = (records * (options.pictures // len(records) + 1))[: options.pictures]
    references = {str(n): list(record.captions) for n, record in enumerate(records)}
    hypotheses = {str(n): records[n - 1].captions[0] for n in range(len(records))}
    low, high, scores = fastest(ours, hypotheses, references)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{len(records)} captions; tushuo {low:.2f} to {high:.2f} s, peak {memory:.2f} GB")
    if shutil.which("java") is None:
        return print("no java here: the official evaluator is left out")
    slow, slowest, theirs = fastest(official, hypotheses, references)
    print(f"official {slow:.2f} to {slowest:.2f} s, ratio {slow / low:.1f}")
    diverse = max(abs(a - b) for a, b in zip(list(scores.values())[:6], theirs, strict=True))
    print(f"largest difference of a score: {diverse:.1e}")
    return None


if __name__ == "__main__":
    main()
