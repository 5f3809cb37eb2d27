"""A server that sends a few bytes now and then is not waited for."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slow_server import SlowServer, slow_server
from tushuo import fetch as module
from tushuo.errors import FetchError
from tushuo.fetch import Fetched, fetch, fetch_bytes

CONTENT = bytes(range(256)) * 20


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowServer]:
    monkeypatch.setattr(module, "PICTURE_SECONDS", 0.5)
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.3)
    monkeypatch.setattr(module, "SLOW_BYTES", 1000)
    with slow_server(CONTENT) as server:
        yield server


@pytest.mark.parametrize("has_length", [True, False])
def test_a_server_at_an_ordinary_pace(server: SlowServer, has_length: bool) -> None:
    server.has_length, server.head, server.pause = has_length, 5000, 0.0001
    assert fetch_bytes(server.address) == CONTENT


@pytest.mark.parametrize(
    ("head", "has_length"), [(0, True), (30, True), (3000, True), (3000, False)]
)
def test_a_small_file_has_a_total_time(server: SlowServer, head: int, has_length: bool) -> None:
    """Whether the first line, the headers or the content come byte by byte."""
    server.head, server.pause, server.has_length = head, 0.05, has_length
    began = time.monotonic()
    with pytest.raises(FetchError, match=r"a\.jpg cannot be downloaded: it was not complete after"):
        fetch_bytes(server.address)
    assert 0.4 < time.monotonic() - began < 3


@pytest.mark.parametrize(("head", "kept"), [(30, 0), (3000, 2000)])
def test_a_large_file_must_keep_a_pace(
    server: SlowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: int, kept: int
) -> None:
    """Although each try brings some bytes; what came is kept for the next call."""
    monkeypatch.setattr(module, "TRIES", 2)
    server.head, server.pause = head, 0.05
    target = tmp_path / "a.zip"
    remote = Fetched(server.address)
    with pytest.raises(FetchError, match=r"fewer than 1000 bytes came in 0\.3 seconds, 2 times"):
        fetch(remote, target, progress=lambda done, total: None, wait=0.01)
    assert server.requests >= 2
    assert not target.exists()
    part = tmp_path / "a.zip.part"
    assert (part.stat().st_size if part.exists() else 0) >= kept
    server.head = 10_000_000
    assert fetch(remote, target, progress=lambda done, total: None).read_bytes() == CONTENT


def test_a_large_file_that_keeps_its_pace_may_take_longer(
    server: SlowServer, tmp_path: Path
) -> None:
    server.head, server.pause, server.step = 200, 0.05, 400  # thrice the pace
    began = time.monotonic()
    fetch(Fetched(server.address), tmp_path / "a.zip", progress=lambda done, total: None)
    assert time.monotonic() - began > 0.5
    assert server.requests == 1
