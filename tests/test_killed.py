"""Real processes are killed: the same command resumes, and nothing is lost or repeated."""

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
from tushuo.errors import StoreError
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


def start(*command: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[1],
    )


def kill_when(process: subprocess.Popen[str], path: Path, number: int) -> None:
    """Send a signal as soon as a file exists."""
    end = time.monotonic() + SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, f"{path} was not written"
        time.sleep(0.005)
    process.send_signal(number)


def test_extract_killed(scenes: Path, tmp_path: Path) -> None:
    shards = tmp_path / "store" / "shards"
    process = start(sys.executable, "-c", SLOW_EXTRACT, scenes, tmp_path / "store")
    kill_when(process, shards / "00003.json", signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    times = {path: path.stat().st_mtime_ns for path in shards.glob("*.json")}
    assert 4 <= len(times) < 10
    resumed = extract(read(scenes), MeanEncoder(), tmp_path / "store", shard_pictures=4)
    assert resumed.encoded == 40 - 4 * len(times)
    assert {path: path.stat().st_mtime_ns for path in times} == times
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
    return (*COMMAND, *train_arguments(scenes, store), "--output", output)


def train_arguments(scenes: Path, store: Path) -> tuple[object, ...]:
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
def test_fine_tuning_killed_twice(
    scenes: Path, trunk: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    fine_tuning = ("--encoder-rate", 1e-3, "--weights", tiny_weights, "--average", 0.9)
    killed_twice(lambda output: (*train(scenes, trunk, output), *fine_tuning), tmp_path)


def killed_twice(command: Callable[[Path], tuple[object, ...]], tmp_path: Path) -> None:
    whole = start(*command(tmp_path / "whole"))
    assert "best of 4 epochs" in whole.communicate(timeout=SECONDS)[0]
    for file in ("samples/epoch_001.json", "samples/epoch_003.json"):
        process = start(*command(tmp_path / "killed"))
        kill_when(process, tmp_path / "killed" / file, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    last = start(*command(tmp_path / "killed"))
    assert "best of 4 epochs" in last.communicate(timeout=SECONDS)[0]
    for name in ("last.safetensors", "best.safetensors"):
        one, other = (load_file(tmp_path / run / name) for run in ("whole", "killed"))
        assert one.keys() == other.keys()
        assert all(one[key].equal(other[key]) for key in one), name
    assert [path.name for path in (tmp_path / "killed").glob(".*")] == []


@pytest.mark.slow
def test_train_stopped_by_ctrl_c(scenes: Path, store: Path, tmp_path: Path) -> None:
    process = start(*train(scenes, store, tmp_path / "run"))
    kill_when(process, tmp_path / "run" / "samples" / "epoch_001.json", signal.SIGINT)
    output = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 130, output
    assert "repeat the same command to resume" in output
    assert "Traceback" not in output
    again = start(*train(scenes, store, tmp_path / "run"))
    output = again.communicate(timeout=SECONDS)[0]
    assert again.returncode == 0, output
    assert "epoch 1:" not in output


@pytest.mark.slow
def test_a_disk_that_fills_up(scenes: Path, store: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: the same error at the same place."""
    command = " ".join(f"'{part}'" for part in train(scenes, store, tmp_path / "run"))
    process = start("bash", "-c", f"trap '' XFSZ; ulimit -f 2000; exec {command}")
    output = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 2, output
    assert (
        "safetensors: File too large; free disk space, or choose another folder, and repeat"
        in output
    )
    assert "Traceback" not in output
    again = start(*train(scenes, store, tmp_path / "run"))
    assert again.wait(timeout=SECONDS) == 0


NO_DROPOUT = (
    "--dropout",
    0,
    "--word-dropout",
    0,
    "--region-dropout",
    0,
)  # processes have different random numbers


@pytest.mark.slow
def test_two_processes_train_as_one(scenes: Path, store: Path, tmp_path: Path) -> None:
    """Gradients are averaged over all words, so the weights equal those of one process."""
    one_and_two(train_arguments(scenes, store), NO_DROPOUT, tmp_path)


@pytest.mark.slow
def test_two_processes_fine_tune_as_one(
    scenes: Path, trunk: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    fine_tuning = ("--encoder-rate", 1e-4, "--weights", tiny_weights, *NO_DROPOUT)
    one_and_two(train_arguments(scenes, trunk), fine_tuning, tmp_path)


def one_and_two(command: tuple[object, ...], more: tuple[object, ...], tmp_path: Path) -> None:
    alone = start(*COMMAND, *command, *more, "--output", tmp_path / "one")
    assert alone.wait(timeout=SECONDS) == 0
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone")
    command_of_two = (*torchrun, "--nproc-per-node", 2, "-m", "tushuo")
    both = start(*command_of_two, *command, *more, "--output", tmp_path / "two")
    output = both.communicate(timeout=SECONDS)[0]
    assert both.returncode == 0, output
    assert output.count("epoch 4: training loss") == 1  # the second process prints nothing
    assert output.count("best of 4 epochs") == 1
    one, two = (load_file(tmp_path / run / "best.safetensors") for run in ("one", "two"))
    for key in one:
        assert (one[key] - two[key]).abs().max() < 2e-4, key
    # sums of two shares round differently: equal bits would mean that the processes never met
    assert not all(one[key].equal(two[key]) for key in one)
    rows = [(tmp_path / run / "log.csv").read_text().splitlines() for run in ("one", "two")]
    for first, second in zip(*rows, strict=True):
        if first[0].isdigit():
            losses = [[float(x) for x in row.split(",")[1:3]] for row in (first, second)]
            assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_a_second_writer_is_refused_until_the_first_is_killed(scenes: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = start(sys.executable, "-c", SLOW_EXTRACT, scenes, store)
    while not (store / "shards" / "00000.json").exists():
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.01)
    with pytest.raises(StoreError, match=r"another process is writing into .*store; wait until"):
        extract(read(scenes), MeanEncoder(), store, shard_pictures=4)
    first.send_signal(signal.SIGKILL)
    first.wait()
    extraction = extract(read(scenes), MeanEncoder(), store, shard_pictures=4)
    assert 0 < extraction.encoded < extraction.pictures
