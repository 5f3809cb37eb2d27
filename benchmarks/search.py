"""Speed and memory of searches from stored regions; the lesson's TensorFlow loop beside, if asked.

    python benchmarks/search.py                              # random weights, the lesson's sizes
    python benchmarks/search.py --recipe small               # those of this recipe's decoder
    python benchmarks/search.py --run RUN --store STORE      # a trained one, captions as they come
    pip install tensorflow-cpu && python benchmarks/search.py --tensorflow

The random decoder says 14 words, as the lesson's captions have, of 5,001, about 64 regions of 2048.
All in one run, each the best of several, the parts in turn: compare ratios.
On a machine that is busy with other work, OMP_NUM_THREADS=1 and --processor-time do not count its
waiting (for TensorFlow TF_NUM_INTRAOP_THREADS=1 and TF_NUM_INTEROP_THREADS=1 too).
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from tushuo.decoders import DECODERS, settings_of
from tushuo.decoders.base import Decoder
from tushuo.features.store import FeatureStore
from tushuo.runs.run import Run, prepare_for_inference
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import Vocabulary, VocabularyConfig
from tushuo.training.recipes import RECIPES

PICTURES, WORDS, ROUNDS = 64, 14, 7
Clock = Callable[[], float]


@dataclass(frozen=True)
class Bench:
    """What is measured."""

    decoder: Decoder
    regions: Tensor
    vocabulary: Vocabulary
    limits: SearchConfig

    def search(self, regions: Tensor, **settings: object) -> Callable[[], object]:
        """Return a search to be timed."""
        config = replace(self.limits, **settings)
        return lambda: search(self.decoder, regions, config, vocabulary=self.vocabulary)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--decoder", choices=list(DECODERS), default="show_attend_gru")
    parser.add_argument("--recipe", choices=["lesson", "small"], default="lesson")
    parser.add_argument("--tensorflow", action="store_true")
    parser.add_argument("--processor-time", action="store_true")
    chosen = parser.parse_args()
    bench = trained(chosen.run, chosen.store) if chosen.run else random(chosen)
    print(
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{type(bench.decoder).__name__}, regions {tuple(bench.regions.shape)}"
    )
    clock = time.process_time if chosen.processor_time else time.perf_counter
    memory(bench)
    speed(bench, clock)
    if chosen.tensorflow:
        beside_the_lesson(bench, clock)


def random(chosen: argparse.Namespace) -> Bench:
    """Make a decoder of a recipe's sizes, or its own; all its captions have the same length."""
    torch.manual_seed(0)
    learn, (kind, _) = RECIPES[chosen.recipe]().plan, DECODERS[chosen.decoder]
    own = learn.decoder_settings if chosen.decoder == learn.decoder else {}
    config = settings_of(chosen.decoder, own)
    decoder = prepare_for_inference(kind(width=2048, vocabulary=5001, config=config))
    limits = SearchConfig(min_words=WORDS, max_words=WORDS)
    said = [[f"word {number}" for number in range(4997)]]
    vocabulary = Vocabulary.fit(said, VocabularyConfig()).with_counts([said])
    return Bench(decoder, torch.rand(PICTURES, 64, 2048), vocabulary, limits)


def trained(run: Path, store: Path) -> Bench:
    """Take a run and the first pictures of its store."""
    regions = FeatureStore.open(store).read(range(PICTURES))
    loaded = Run.load(run)
    return Bench(loaded.decoder, regions, loaded.vocabulary, SearchConfig())


def memory(bench: Bench) -> None:
    """Print by how much a beam of five needs more than a beam of one."""
    peaks = []
    for size in (1, 5):
        bench.search(bench.regions, search="beam", beam_size=size)()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    with torch.inference_mode():
        state = bench.decoder.start(bench.regions)
    own = sum(of.nbytes for of in vars(state).values() if isinstance(of, Tensor)) / 2**20
    print(
        f"memory, beam of 5 over {PICTURES}: {peaks[1] - peaks[0]:.0f} MB above a beam of 1; "
        f"the pictures' own numbers are {own:.0f} MB, which a copy a hypothesis would take 5 times"
    )


def speed(bench: Bench, clock: Clock) -> None:
    """Print the time of one picture and of many."""
    one, many = bench.regions[:1], bench.regions
    singles = [bench.regions[row : row + 1] for row in range(PICTURES)]
    beam = {"search": "beam", "beam_size": 5}
    jobs = {
        "greedy, one picture": bench.search(one),
        f"greedy, {PICTURES} at once": bench.search(many),
        "beam 5, one picture": bench.search(one, **beam),
        f"beam 5, {PICTURES} at once": bench.search(many, **beam),
        f"beam 5, {PICTURES} one by one": lambda: [bench.search(row, **beam)() for row in singles],
        f"5 samples of {PICTURES} at once": bench.search(many, search="sample", n_best=5),
        f"diverse 5, {PICTURES} at once": bench.search(many, search="diverse"),
        f"beam 10, {PICTURES} at once": bench.search(many, search="beam", beam_size=10),
        f"consensus 10, {PICTURES} at once": bench.search(many, search="consensus", beam_size=10),
    }
    times = timed(jobs, clock)
    for name, (low, high) in times.items():
        print(f"{name:28} {low * 1e3:8.1f} ms  (worst {high * 1e3:.1f})")
    diverse, ensemble = (times[f"beam 5, {PICTURES} {how}"][0] for how in ("one by one", "at once"))
    print(f"beam 5 at once: {diverse / ensemble:.1f} times the pictures a second of one by one")


def timed(jobs: dict[str, Callable[[], object]], clock: Clock) -> dict[str, tuple[float, float]]:
    """Run the jobs in turn; return each one's shortest and longest time in seconds."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(ROUNDS + 1):
        for name, job in jobs.items():
            began = clock()
            job()
            if turn:  # the first is to warm up
                times[name].append(clock() - began)
    return {name: (min(of), max(of)) for name, of in times.items()}


def beside_the_lesson(bench: Bench, clock: Clock) -> None:
    """Print the time of the lesson's own loop, greedy here beside it."""
    from lesson_loop import lesson_loop

    theirs = lesson_loop(bench.regions[:1].numpy(), words=WORDS, vocabulary=5001)
    times = timed({"greedy": bench.search(bench.regions[:1]), "lesson": theirs}, clock)
    for name, (low, high) in times.items():
        print(f"{name:28} {low * 1e3:8.1f} ms  (worst {high * 1e3:.1f})")
    print(f"the lesson's loop takes {times['setup'][0] / times['greedy'][0]:.1f} times as long")


if __name__ == "__main__":
    main()
