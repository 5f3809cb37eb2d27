"""The command, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import tushuo
from tests.cli.conftest import call
from tushuo.client import Client
from tushuo.errors import PictureError

ROOT = Path(__file__).parents[2]
PHOTOS = sorted((ROOT / "examples").glob("*.jpg"))
SECONDS = 60.0
SLOW = """
import sys, time
sys.path.insert(0, {root!r})
from tests.serve.conftest import NumberCaptioner
from tushuo.serve.server import serve
from tushuo.serve.service import Service

captioner = NumberCaptioner(seconds=0.5)
serve(Service(lambda: captioner), host="127.0.0.1", port=0,
      on_ready=lambda url: print(f"{{url}}: ready", file=sys.stderr, flush=True))
"""


@contextmanager
def process(*command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a command that serves; yield it with its address."""
    own = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert own.stderr is not None
        line = own.stderr.readline()
        assert line.endswith(": ready\n"), line + own.stderr.read()
        yield own, line.removesuffix(": ready\n")
    finally:
        own.kill()
        own.wait()


def tushuo_serve(*options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tushuo", "serve", "--port", "0", *options)


def accepted(metrics: str) -> float:
    """Return how many pictures wait, are being captioned, or were captioned."""
    names = ("tushuo_queue_pictures", "tushuo_running_pictures", "tushuo_pictures_total")
    lines = [line.split() for line in metrics.splitlines()]
    return sum(float(line[1]) for line in lines if line[0] in names)


@pytest.mark.slow
def test_the_command_serves_the_captions_of_the_model_and_ends_with_0() -> None:
    with process(*tushuo_serve()) as (own, url), Client(url) as client:
        results = client.caption_batch([*PHOTOS, b"nonsense"], confidence=True)
        captioner = tushuo.load()
        for path, result in zip(PHOTOS, results, strict=False):
            alone = captioner.caption(path)
            assert not isinstance(result, PictureError)
            assert (result.text, result.words) == (alone.text, alone.words)
            assert result.log_probs == pytest.approx(alone.log_probs, abs=1e-3)
            assert result.confidence == pytest.approx(alone.confidence, abs=1e-3)
            assert result.familiarity == pytest.approx(alone.familiarity, abs=1e-3)
        assert isinstance(results[-1], PictureError)
        own.send_signal(signal.SIGTERM)
        _, log = own.communicate(timeout=SECONDS)
        assert own.returncode == 0, log
        assert '"route": "/v1/captions", "status": 200' in log


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to handle")
def test_a_signal_finishes_what_was_accepted_and_refuses_the_rest() -> None:
    from tests.serve.conftest import numbered

    with process(sys.executable, "-c", SLOW.format(root=str(ROOT))) as (own, url):
        answers: dict[int, httpx.Response] = {}

        def ask(picture: int) -> None:
            answers[picture] = httpx.post(
                f"{url}/v1/captions", content=numbered(picture), timeout=SECONDS, trust_env=False
            )

        threads = [threading.Thread(target=ask, args=(picture,)) for picture in range(5)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + SECONDS
        while accepted(httpx.get(f"{url}/metrics", trust_env=False).text) < 5:
            assert time.monotonic() < end
        own.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        texts = [answers[picture].json()["captions"][0]["caption"] for picture in range(5)]
        assert texts == [f"number {picture} greedy" for picture in range(5)]
        assert own.wait(SECONDS) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/live", trust_env=False)


def test_what_the_command_cannot_do_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        commands = {
            ("--port", port): f"cannot use port {port} of 127.0.0.1: Address already in use",
            ("--port", "99999"): "cannot use port 99999 of 127.0.0.1",
            ("--host", "0.0.0.0"): "host was 0.0.0.0, which other machines can reach",
            ("--api-key-file", str(tmp_path / "none")): "API keys cannot be read from",
            ("--queue", "0"): "queue was 0, but must be above 0",
            ("--run", str(tmp_path), "--port", "0"): str(tmp_path),
        }
        for options, sentence in commands.items():
            assert call("serve", *options) == 2
            printed = capsys.readouterr()
            assert sentence in printed.err
            assert printed.err.startswith("tushuo: ")
            assert printed.err.count("\n") == 1


def test_the_packages_of_the_extra_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tushuo.cli.serve.PACKAGES", ("starlette", "no_such_package"))
    assert call("serve") == 2
    sentence = "serve requires no_such_package, which is not installed; run: pip install"
    assert sentence in capsys.readouterr().err
