"""What a service adds to its captioner: rate, latency, overload, memory.

    python benchmarks/serve.py [--seconds 10] [--clients 1,8,32] [--search greedy] [--overload 20]

Starts `tushuo serve` in a process of its own, sends it the photographs of examples/ over loopback,
and compares it with the same captioner without a service, which runs before. On a busy machine that
comparison says little; "model busy" is the share of the time that the service gave to the model,
and "beside it" the time of one client's request that neither the queue nor the model took. The
overload comes from a third process, while one client measures how long a refusal takes.
"""

import argparse
import asyncio
import itertools
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

import tushuo
from tushuo.search.config import SearchConfig

PHOTOS = [path.read_bytes() for path in sorted(Path(__file__).parents[1].glob("examples/*.jpg"))]
BATCH = 16
REFUSED_PAUSE = 0.05  # seconds before a refused client of the overload tries again


def percentile(values: list[float], share: float) -> float:
    """Return a percentile in milliseconds."""
    ordered = sorted(values)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def memory(process: int) -> float:
    """Return the resident memory of a process, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def without_service(search: str | None, seconds: float) -> float:
    """Return pictures per second, in batches."""
    captioner = tushuo.load()
    config = SearchConfig(search=search) if search else captioner.info.search
    pictures = list(itertools.islice(itertools.cycle(PHOTOS), BATCH))
    captioner.caption_batch(pictures, config=config)
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        captioner.caption_batch(pictures, config=config)
        count += BATCH
    return count / (time.perf_counter() - started)


def metrics(url: str) -> dict[str, float]:
    """Return the sums that the service has counted so far."""
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    lines = [line.rpartition(" ")[::2] for line in text.splitlines() if line[0] != "#"]
    values = {name.partition("{")[0]: float(value) for name, value in lines if "captions" in name}
    return values | {name: float(value) for name, value in lines if "{" not in name}


async def load(
    url: str, clients: int, seconds: float, search: str | None
) -> dict[int, list[float]]:
    """Send photographs from several clients; return the seconds of each answer, by status."""
    times: dict[int, list[float]] = {}
    end = time.perf_counter() + seconds
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    query = {"search": search} if search else {}
    async with httpx.AsyncClient(
        base_url=url, limits=limits, timeout=60, trust_env=False
    ) as client:

        async def ask(number: int) -> None:
            for turn in itertools.count(number):
                started = time.perf_counter()
                if started > end:
                    return
                picture = PHOTOS[turn % len(PHOTOS)]
                answer = await client.post("/v1/captions", content=picture, params=query)
                times.setdefault(answer.status_code, []).append(time.perf_counter() - started)
                if answer.status_code != 200:
                    await asyncio.sleep(REFUSED_PAUSE)

        await asyncio.gather(*(ask(number) for number in range(clients)))
    return times


def measure(url: str, process: int, options: Any) -> None:
    """Print the figures of a service that runs."""
    rate = without_service(options.search, options.seconds)
    print(f"without a service, batches of {BATCH}: {rate:.2f} pictures/s")
    print("clients  pictures/s  share  model busy  beside it ms    p50 ms    p99 ms  memory MB")
    for clients in map(int, options.clients.split(",")):
        before, started = metrics(url), time.perf_counter()
        times = asyncio.run(load(url, clients, options.seconds, options.search))
        elapsed, done = time.perf_counter() - started, times.get(200, [])
        change = {name: value - before.get(name, 0.0) for name, value in metrics(url).items()}
        busy = change["tushuo_model_seconds_sum"]
        beside = change["tushuo_request_seconds_sum"] - busy - change["tushuo_queue_seconds_sum"]
        own = len(done) / elapsed
        print(
            f"{clients:7} {own:11.2f} {own / rate:6.2f} {busy / elapsed:11.3f} "
            f"{1000 * beside / len(done) if clients == 1 else 0:13.1f} {percentile(done, 0.5):9.0f}"
            f" {percentile(done, 0.99):9.0f} {memory(process):10.0f}"
        )
    if options.overload:
        overload(url, process, options)


def overload(url: str, process: int, options: Any) -> None:
    """Print what a crowd gets, and how long a refusal takes for one client meanwhile."""
    settings = (options.crowd, options.overload, options.search)
    program = f"import serve; print(serve.crowd({url!r}, *{settings!r}))"
    folder = Path(__file__).parent
    crowd_process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    times: dict[int, list[float]] = {}
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        query = {"search": options.search} if options.search else {}
        while crowd_process.poll() is None:
            started = time.perf_counter()
            answer = client.post("/v1/captions", content=PHOTOS[0], params=query)
            times.setdefault(answer.status_code, []).append(time.perf_counter() - started)
            time.sleep(REFUSED_PAUSE)
    assert crowd_process.stdout is not None
    answers = crowd_process.stdout.read().strip()
    print(f"{options.crowd} clients for {options.overload:.0f} s: {answers}")
    refused = times.get(429, [])
    print(
        f"one more client: {len(refused)} refusals, p50 {percentile(refused, 0.5):.0f} ms, p99 "
        f"{percentile(refused, 0.99):.0f} ms; memory {memory(process):.0f} MB"
    )
    after = asyncio.run(load(url, 1, 5.0, options.search)).get(200, [])
    print(f"one client afterwards: p50 {percentile(after, 0.5):.0f} ms")


def crowd(url: str, clients: int, seconds: float, search: str | None) -> str:
    """Return what many clients got, and how long their captions took."""
    times = asyncio.run(load(url, clients, seconds, search))
    counts = ", ".join(f"{len(one)} of status {status}" for status, one in sorted(times.items()))
    return f"{counts}; captions p99 {percentile(times.get(200, []), 0.99):.0f} ms"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clients", default="1,8,32")
    parser.add_argument("--search", default=None)
    parser.add_argument("--overload", type=float, default=20.0)
    parser.add_argument("--crowd", type=int, default=200, help="clients of the overload")
    options = parser.parse_args()
    command = [sys.executable, "-m", "tushuo", "serve", "--port", "0", "--no-log-requests"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert ": ready" in line, line
        print(f"ready after {time.perf_counter() - started:.1f} s")
        measure(line.partition(": ready")[0], process.pid, options)
    finally:
        process.terminate()
        print(f"exit code {process.wait()}")


if __name__ == "__main__":
    main()
