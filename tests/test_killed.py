"""Real processes, really killed: the same command goes on, and nothing is lost or done twice."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.conftest import MeanEncoder
from tushuo import encoders
from tushuo.data import read
from tushuo.encoders.split_encoder import split_encoder
from tushuo.features.extract import extract
from tushuo.features.store import FeatureStore

COMMAND = (sys.executable, "-m", "tushuo")
SECONDS = 120
SLOW_EXTRACT = """
import sys, time
from pathlib import Path
from tests.conftest import MeanEncoder
from tushuo.data import read
from tushuo.features.extract import extract

class Slow(MeanEncoder):
    def __call__(self, pictures):
        time.sleep(0.05)
        return super().__call__(pictures)

extract(read(Path(sys.argv[1])), Slow(), Path(sys.argv[2]), shard_pictures=4)
"""


def create_run(*command: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[1],
    )


def kill_when(process: subprocess.Popen[str], path: Path, number: int) -> None:
    """Send a signal as soon as a file is there."""
    end = time.monotonic() + SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.005)
    process.send_signal(number)


def test_extract_killed(scenes: Path, tmp_path: Path) -> None:
    shards = tmp_path / "store" / "shards"
    process = create_run(sys.executable, "-c", SLOW_EXTRACT, scenes, tmp_path / "store")
    kill_when(process, shards / "00003.json", signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = {path: path.stat().st_mtime_ns for path in shards.glob("*.json")}
    assert 4 <= len(kept) < 10
    again = extract(read(scenes), MeanEncoder(), tmp_path / "store", shard_pictures=4)
    assert again.encoded == 40 - 4 * len(kept)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    extract(read(scenes), MeanEncoder(), tmp_path / "whole", shard_pictures=4)
    one, other = (FeatureStore.open(tmp_path / name) for name in ("store", "whole"))
    assert one.signature() == other.signature()
    assert one.read(range(40)).equal(other.read(range(40)))


@pytest.fixture(scope="module")
def store(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "store"
    extract(read(scenes), MeanEncoder(), folder)
    return folder


def train(scenes: Path, store: Path, output: Path) -> tuple[object, ...]:
    return (*COMMAND, *learn(scenes, store), "--output", output)


def learn(scenes: Path, store: Path) -> tuple[object, ...]:
    return ("train", scenes, "--store", store, "--epochs", 4, "--batch-size", 20)


@pytest.fixture(scope="module")
def trunk(scenes: Path, tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "trunk"
    encoder = encoders.load("efficientnet_lite0", weights=tiny_weights)
    extract(read(scenes), split_encoder(encoder).trunk, folder)
    return folder


@pytest.mark.slow
def test_train_killed_twice(scenes: Path, store: Path, tmp_path: Path) -> None:
    killed_twice(lambda output: train(scenes, store, output), tmp_path)


@pytest.mark.slow
def test_a_tuning_killed_twice(
    scenes: Path, trunk: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    tuning = ("--encoder-rate", 1e-3, "--weights", tiny_weights, "--average", 0.9)
    killed_twice(lambda output: (*train(scenes, trunk, output), *tuning), tmp_path)


def killed_twice(command: Callable[[Path], tuple[object, ...]], tmp_path: Path) -> None:
    whole = create_run(*command(tmp_path / "whole"))
    assert "best of 4 epochs" in whole.communicate(timeout=SECONDS)[0]
    for seen in ("samples/epoch_001.json", "samples/epoch_003.json"):
        process = create_run(*command(tmp_path / "killed"))
        kill_when(process, tmp_path / "killed" / seen, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    last = create_run(*command(tmp_path / "killed"))
    assert "best of 4 epochs" in last.communicate(timeout=SECONDS)[0]
    for name in ("last.safetensors", "best.safetensors"):
        one, other = (load_file(tmp_path / run / name) for run in ("whole", "killed"))
        assert one.keys() == other.keys()
        assert all(one[key].equal(other[key]) for key in one), name
    assert [path.name for path in (tmp_path / "killed").glob(".*")] == []


@pytest.mark.slow
def test_train_stopped_by_ctrl_c(scenes: Path, store: Path, tmp_path: Path) -> None:
    process = create_run(*train(scenes, store, tmp_path / "run"))
    kill_when(process, tmp_path / "run" / "samples" / "epoch_001.json", signal.SIGINT)
    told = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 130, told
    assert "the same command goes on where it was" in told
    assert "Traceback" not in told
    again = create_run(*train(scenes, store, tmp_path / "run"))
    told = again.communicate(timeout=SECONDS)[0]
    assert again.returncode == 0, told
    assert "epoch 1:" not in told


@pytest.mark.slow
def test_a_disk_that_fills_up(scenes: Path, store: Path, tmp_path: Path) -> None:
    """A limit on a file's size stands for the full disk: the same error, at the same place."""
    command = " ".join(f"'{part}'" for part in train(scenes, store, tmp_path / "run"))
    process = create_run("bash", "-c", f"trap '' XFSZ; ulimit -f 2000; exec {command}")
    told = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 2, told
    assert "safetensors: File too large; make room and give the same command again" in told
    assert "Traceback" not in told
    again = create_run(*train(scenes, store, tmp_path / "run"))
    assert again.wait(timeout=SECONDS) == 0


SURE = ("--dropout", 0, "--word-dropout", 0, "--region-dropout", 0)  # processes draw apart


@pytest.mark.slow
def test_two_processes_learn_as_one(scenes: Path, store: Path, tmp_path: Path) -> None:
    """Their gradients are averaged over all words, so the weights are one process's."""
    one_and_two(learn(scenes, store), SURE, tmp_path)


@pytest.mark.slow
def test_two_processes_tune_as_one(
    scenes: Path, trunk: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    tuning = ("--encoder-rate", 1e-4, "--weights", tiny_weights, *SURE)
    one_and_two(learn(scenes, trunk), tuning, tmp_path)


def one_and_two(command: tuple[object, ...], more: tuple[object, ...], tmp_path: Path) -> None:
    alone = create_run(*COMMAND, *command, *more, "--output", tmp_path / "one")
    assert alone.wait(timeout=SECONDS) == 0
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone")
    start = (*torchrun, "--nproc-per-node", 2, "-m", "tushuo")
    both = create_run(*start, *command, *more, "--output", tmp_path / "two")
    told = both.communicate(timeout=SECONDS)[0]
    assert both.returncode == 0, told
    assert told.count("epoch 4: training loss") == 1  # the second process says nothing
    assert told.count("best of 4 epochs") == 1
    one, two = (load_file(tmp_path / run / "best.safetensors") for run in ("one", "two"))
    for key in one:
        assert (one[key] - two[key]).abs().max() < 2e-4, key
    # sums of two shares round otherwise: equal bits would be those of processes that never met
    assert not all(one[key].equal(two[key]) for key in one)
    rows = [(tmp_path / run / "log.csv").read_text().splitlines() for run in ("one", "two")]
    for first, second in zip(*rows, strict=True):
        if first[0].isdigit():
            losses = [[float(x) for x in row.split(",")[1:3]] for row in (first, second)]
            assert losses[0] == pytest.approx(losses[1], abs=1e-4)
