"""Timing that the benchmarks share."""

import os
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)
Clock = Callable[[], float]


def machine() -> str:
    """Describe what the times depend on."""
    import torch  # here, since the memory of benchmarks without it is measured too

    return f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"


def measure(
    jobs: Mapping[Name, Callable[[], object]],
    *,
    rounds: int,
    clock: Clock = time.perf_counter,
    warm_up: int = 1,
) -> dict[Name, list[float]]:
    """Return the seconds of each job in each round; jobs run in turn, so that ratios are fair."""
    times: dict[Name, list[float]] = {name: [] for name in jobs}
    for turn in range(warm_up + rounds):
        for name, job in jobs.items():
            start = clock()
            job()
            if turn >= warm_up:
                times[name].append(clock() - start)
    return times
