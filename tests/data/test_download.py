"""Against a real server that drops connections, ignores ranges and lies about lengths."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import tushuo.data
from tushuo.data.download import Archive, at_mirror, download
from tushuo.errors import FetchError
from tushuo.fetch import Fetched

PICTURE = os.urandom(200_000)


def zipped(files: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return memory.getvalue()


def captions(part: str) -> bytes:
    return json.dumps(
        {
            "images": [{"id": 9, "file_name": f"COCO_{part}_000000000009.jpg"}],
            "annotations": [{"id": 1, "image_id": 9, "caption": "a dog"}],
        }
    ).encode()


CONTENT = {
    "annotations.zip": zipped(
        {
            "annotations/captions_val2014.json": captions("val2014"),
            "annotations/instances_val2014.json": b'{"images": []}',
        }
    ),
    "val2014.zip": zipped({f"val2014/COCO_val2014_{n:012d}.jpg": PICTURE for n in range(9, 12)}),
}


class Server(ThreadingHTTPServer):
    """Serves CONTENT, as badly as ``mood`` demands; ``requested`` holds where each answer began."""

    daemon_threads = True
    mood = "good"
    pause = 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requested: list[tuple[str, int]] = []
        self.sent = 0

    def archive(self, name: str, folder: str, md5: str | None = None) -> Archive:
        address = f"http://127.0.0.1:{self.server_port}/{name}"
        md5 = md5 or hashlib.md5(CONTENT[name]).hexdigest()
        return Archive(Fetched(address, f"md5:{md5}"), folder, pictures=folder != "annotations")


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        server, name = self.server, self.path[1:]
        if name not in CONTENT:
            self.send_error(404)
            return
        content = CONTENT[name]
        requested = self.headers.get("Range", "bytes=0-")
        start = 0 if server.mood == "no ranges" else int(requested[6:].split("-")[0])
        server.requested.append((name, start))
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        rest = content[start:]
        lie = 1000 if server.mood == "long" else -1000 if server.mood == "short" else 0
        self.send_header("Content-Length", str(len(rest) + lie))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if server.mood in ("drops", "no ranges") and len(server.requested) < 4:
            rest = rest[: len(rest) // 2]
        for at in range(0, len(rest), 20_000):
            self.wfile.write(rest[at : at + 20_000])
            server.sent += len(rest[at : at + 20_000])
            time.sleep(server.pause)
        self.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def all_of(server: Server) -> list[Archive]:
    return [
        server.archive("annotations.zip", "annotations"),
        server.archive("val2014.zip", "images/val2014"),
    ]


@pytest.mark.parametrize("mood", ["good", "drops", "no ranges"])
def test_everything_arrives_and_is_read(server: Server, tmp_path: Path, mood: str) -> None:
    server.mood = mood
    reported: list[str] = []
    download(
        all_of(server), tmp_path, wait=0.0, progress=lambda what: lambda *_: reported.append(what)
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["annotations", "images"]
    (record,) = tushuo.data.read(tmp_path)
    assert record.path.read_bytes() == PICTURE
    assert (record.captions, record.split) == (("a dog",), "val")
    assert {"annotations.zip", "unpack val2014.zip"} <= set(reported)
    requested = len(server.requested)
    download(all_of(server), tmp_path, wait=0.0)
    assert len(server.requested) == requested


def test_a_dropped_connection_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.mood = "drops"
    download([server.archive("val2014.zip", "val2014")], tmp_path, wait=0.0)
    assert [start for _, start in server.requested] == sorted(
        {start for _, start in server.requested}
    )
    assert server.sent == len(CONTENT["val2014.zip"])


@pytest.mark.parametrize("mood", ["long", "short"])
def test_a_lie_about_the_length_never_passes(server: Server, tmp_path: Path, mood: str) -> None:
    server.mood = mood
    archive = server.archive("val2014.zip", "val2014")
    try:
        download([archive], tmp_path, wait=0.0)
    except FetchError:
        assert not (tmp_path / "val2014").exists()
    else:
        assert (tmp_path / "val2014" / "COCO_val2014_000000000009.jpg").read_bytes() == PICTURE
    server.mood = "good"
    download([archive], tmp_path, wait=0.0)
    assert (tmp_path / "val2014" / "COCO_val2014_000000000009.jpg").read_bytes() == PICTURE


def test_other_content_is_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="expected 0123"):
        download([server.archive("val2014.zip", "val2014", "0123")], tmp_path, wait=0.0)
    assert list(tmp_path.iterdir()) == []


def test_captions_only(server: Server, tmp_path: Path) -> None:
    download(all_of(server), tmp_path, captions_only=True, wait=0.0)
    assert [path.name for path in tmp_path.iterdir()] == ["annotations"]


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "val2014/../../evil.jpg", "/evil.jpg", "other/evil.jpg"]
)
def test_an_archive_cannot_write_elsewhere(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(CONTENT, "val2014.zip", zipped({name: b"evil"}))
    with pytest.raises(FetchError, match="is outside val2014/"):
        download([server.archive("val2014.zip", "val2014")], tmp_path / "here", wait=0.0)
    assert not list(tmp_path.rglob("evil.jpg"))


def test_a_damaged_archive_is_fetched_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = CONTENT["val2014.zip"]
    monkeypatch.setitem(CONTENT, "val2014.zip", good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])
    with pytest.raises(FetchError, match="is damaged"):
        download([server.archive("val2014.zip", "val2014")], tmp_path, wait=0.0)
    monkeypatch.setitem(CONTENT, "val2014.zip", good)
    download([server.archive("val2014.zip", "val2014")], tmp_path, wait=0.0)
    assert len(list((tmp_path / "val2014").iterdir())) == 3


def test_errors_are_one_sentence(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Archive(Fetched(f"http://127.0.0.1:{server.server_port}/gone.zip"), "gone")
    with pytest.raises(FetchError, match="refused: 404"):
        download([gone], tmp_path, wait=0.0)
    monkeypatch.setattr("tushuo.fetch.TRIES", 2)
    small = [Archive(Fetched("http://example.org/val.zip"), "val")]
    with pytest.raises(FetchError, match="when there is a connection"):
        download(at_mirror(small, "http://127.0.0.1:9"), tmp_path, wait=0.0)
    huge = Archive(Fetched("http://127.0.0.1:9/huge.zip", size=10**18), "huge")
    with pytest.raises(FetchError, match="GB are free"):
        download([huge], tmp_path, wait=0.0)


KILLED = """
import sys
from pathlib import Path
from tushuo.data.download import Archive, at_mirror, download
from tushuo.fetch import Fetched
download([Archive(Fetched(sys.argv[1]), "val2014")], Path(sys.argv[2]), wait=0.0)
"""


def test_kill_9_loses_and_repeats_nothing(server: Server, tmp_path: Path) -> None:
    server.pause = 0.05
    archive = server.archive("val2014.zip", "val2014")
    command = [sys.executable, "-c", KILLED, archive.file.address, str(tmp_path)]
    process = subprocess.Popen(command)
    part = tmp_path / "val2014.zip.part"
    while not part.exists() or part.stat().st_size < 100_000:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    have = part.stat().st_size
    server.pause = 0.0
    subprocess.run(command, check=True)
    assert server.requested == [("val2014.zip", 0), ("val2014.zip", have)]
    assert len(list((tmp_path / "val2014").iterdir())) == 3
