"""Speed and memory of searches from stored regions, and of the tutorial's TensorFlow loop.

    python benchmarks/search.py                              # random weights, the tutorial's sizes
    python benchmarks/search.py --recipe small               # sizes of this recipe's decoder
    python benchmarks/search.py --run RUN --store STORE      # a trained decoder
    pip install tensorflow-cpu && python benchmarks/search.py --tensorflow

The random decoder has the tutorial's vocabulary and regions, and all its captions have its typical
length. Searches run in turn and each time is the best of several: compare ratios.
On a busy machine, OMP_NUM_THREADS=1 and --processor-time exclude waiting (for TensorFlow,
TF_NUM_INTRAOP_THREADS=1 and TF_NUM_INTEROP_THREADS=1 too).
"""

import argparse
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from timing import Clock, machine, measure
from torch import Tensor

from tushuo.decoders import DECODERS, settings_of
from tushuo.decoders.base import Decoder
from tushuo.features.store import FeatureStore
from tushuo.runs.run import Run, prepare_for_inference
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import Vocabulary, VocabularyConfig
from tushuo.training.recipes import RECIPES

PICTURES, WORDS, VOCABULARY, ROUNDS = 64, 14, 5001, 7


@dataclass(frozen=True)
class Setup:
    """A decoder and the regions that it captions."""

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
    args = parser.parse_args()
    setup = trained(args.run, args.store) if args.run else random(args.recipe, args.decoder)
    print(f"{machine()}, {type(setup.decoder).__name__}, regions {tuple(setup.regions.shape)}")
    clock = time.process_time if args.processor_time else time.perf_counter
    print_memory(setup)
    print_speed(setup, clock)
    if args.tensorflow:
        compare_with_lesson(setup, clock)


def random(recipe: str, name: str) -> Setup:
    """Make a decoder of the recipe's sizes, or of its default sizes if the recipe has another."""
    torch.manual_seed(0)
    learn, (decoder, _) = RECIPES[recipe]().plan, DECODERS[name]
    config = settings_of(name, learn.decoder_settings if name == learn.decoder else {})
    model = prepare_for_inference(decoder(width=2048, vocabulary=VOCABULARY, config=config))
    limits = SearchConfig(min_words=WORDS, max_words=WORDS)
    captions = [[f"word {number}" for number in range(VOCABULARY - 4)]]
    vocabulary = Vocabulary.fit(captions, VocabularyConfig()).with_counts([captions])
    return Setup(model, torch.rand(PICTURES, 64, 2048), vocabulary, limits)


def trained(run: Path, store: Path) -> Setup:
    """Load a run and the first pictures of its store."""
    regions = FeatureStore.open(store).read(range(PICTURES))
    loaded = Run.load(run)
    return Setup(loaded.decoder, regions, loaded.vocabulary, SearchConfig())


def print_memory(setup: Setup) -> None:
    """Print how much more memory a beam of 5 needs than a beam of 1."""
    peaks = []
    for size in (1, 5):
        setup.search(setup.regions, search="beam", beam_size=size)()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    with torch.inference_mode():
        state = setup.decoder.start(setup.regions)
    size = sum(part.nbytes for part in vars(state).values() if isinstance(part, Tensor)) / 2**20
    print(
        f"memory, beam of 5 over {PICTURES}: {peaks[1] - peaks[0]:.0f} MB above a beam of 1; "
        f"the pictures' state has {size:.0f} MB, five times as much if copied per hypothesis"
    )


def print_speed(setup: Setup, clock: Clock) -> None:
    """Print the time of one picture and of many."""
    first, many = setup.regions[:1], setup.regions
    singles = [setup.regions[row : row + 1] for row in range(PICTURES)]
    beam = {"search": "beam", "beam_size": 5}
    jobs = {
        "greedy, one picture": setup.search(first),
        f"greedy, {PICTURES} at once": setup.search(many),
        "beam 5, one picture": setup.search(first, **beam),
        f"beam 5, {PICTURES} at once": setup.search(many, **beam),
        f"beam 5, {PICTURES} one by one": lambda: [setup.search(row, **beam)() for row in singles],
        f"5 samples of {PICTURES} at once": setup.search(many, search="sample", n_best=5),
        f"diverse 5, {PICTURES} at once": setup.search(many, search="diverse"),
        f"beam 10, {PICTURES} at once": setup.search(many, search="beam", beam_size=10),
        f"consensus 10, {PICTURES} at once": setup.search(many, search="consensus", beam_size=10),
    }
    best = print_times(jobs, clock)
    ratio = best[f"beam 5, {PICTURES} one by one"] / best[f"beam 5, {PICTURES} at once"]
    print(f"beam 5 at once: {ratio:.1f} times the pictures a second of one by one")


def print_times(jobs: Mapping[str, Callable[[], object]], clock: Clock) -> dict[str, float]:
    """Run the jobs in turn, print their times and return the best seconds of each."""
    times = measure(jobs, rounds=ROUNDS, clock=clock)
    for name, seconds in times.items():
        print(f"{name:28} {min(seconds) * 1e3:8.1f} ms  (worst {max(seconds) * 1e3:.1f})")
    return {name: min(seconds) for name, seconds in times.items()}


def compare_with_lesson(setup: Setup, clock: Clock) -> None:
    """Print the time of the tutorial's loop beside greedy decoding."""
    from lesson_loop import lesson_loop

    loop = lesson_loop(setup.regions[:1].numpy(), words=WORDS, vocabulary=VOCABULARY)
    best = print_times({"greedy": setup.search(setup.regions[:1]), "lesson": loop}, clock)
    print(f"the tutorial's loop takes {best['lesson'] / best['greedy']:.1f} times as long")


if __name__ == "__main__":
    main()
