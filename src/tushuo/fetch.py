"""Download files by HTTP: resumable, verified, and renamed when complete.

Data is written to ``NAME.part``; after a broken connection or a kill, the next call resumes there.
Servers are not trusted: a full file in answer to a range request is read from its beginning, a
wrong length is detected by the checksum or the declared length, and one that sends a few bytes now
and then is not waited for.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tushuo.errors import FetchError
from tushuo.pace import Pace, TooSlow
from tushuo.runtime import Progress, format_bytes, free_bytes

TRIES = 5  # in a row, without any new byte or too slow
TIMEOUT_SECONDS = 30.0  # of a connection, and of each read
PICTURE_SECONDS = 60.0  # of the whole download of a small file
SLOW_SECONDS, SLOW_BYTES = 60.0, 60_000  # a large file must bring more bytes in so many seconds
MAX_PICTURE_BYTES = 50_000_000
WAIT_SECONDS = 1.0  # before the second try; doubled for each further try


@dataclass(frozen=True)
class Fetched:
    """A file that can be downloaded.

    Attributes:
        address: its http or https address.
        checksum: ``md5:`` or ``sha256:`` and all or the first hex digits; None if unknown.
        size: its size in bytes; None if unknown.
    """

    address: str
    checksum: str | None = None
    size: int | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.address.rsplit("/", 1)[-1]


def fetch(remote: Fetched, path: Path, *, progress: Progress, wait: float = WAIT_SECONDS) -> Path:
    """Download a file to ``path``, resuming an earlier call.

    Args:
        remote: the file to download.
        path: where to save it; it exists only once it is complete.
        progress: called with the bytes received and their total (0 while unknown).
        wait: seconds before the second try.

    Raises:
        FetchError: no connection, a refusal, a full disk, or wrong content.
    """
    if path.exists():
        return path
    part = path.with_name(f"{path.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    failures = 0
    total = remote.size
    while True:
        before, slow = _size(part), False
        try:
            total = _resume(remote, part, progress)
            if _size(part) == total or total is None:
                break
            reason = f"{_size(part)} of {total} bytes were received"
        except FetchError:
            raise
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason, slow = str(error) or type(error).__name__, isinstance(error, TooSlow)
        except OSError as error:
            raise FetchError(f"{part} cannot be written: {error}") from error
        failures = failures + 1 if slow or _size(part) <= before else 0
        if failures >= TRIES:
            raise FetchError(
                f"{remote.address} cannot be downloaded: {reason}, {TRIES} times; repeat the same "
                "command to resume when there is a connection"
            )
        time.sleep(wait * 2**failures)
    _verify(remote, part)
    part.replace(path)
    return path


def fetch_bytes(address: str, *, most: int = MAX_PICTURE_BYTES) -> bytes:
    """Download a small file, such as a picture, into memory.

    Args:
        address: its http or https address.
        most: the most bytes that are accepted.

    Raises:
        FetchError: not an http address, no connection, a refusal, more than ``most`` bytes, or not
            complete within ``PICTURE_SECONDS``.
    """
    if not address.lower().startswith(("http://", "https://")):
        raise FetchError(
            f"{address} starts with {address.partition('://')[0]}://; only http:// and https:// "
            "are supported, so download it by other means and name the file"
        )
    content = bytearray()
    try:
        with _get(address, Pace(PICTURE_SECONDS)) as response:
            response.raise_for_status()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > most:
                    raise FetchError(
                        f"{address} has more than {most} bytes, the most that is accepted"
                    )
    except httpx.HTTPStatusError as error:
        refusal = error.response
        raise FetchError(
            f"{address} was refused: {refusal.status_code} {refusal.reason_phrase}"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise FetchError(
            f"{address} cannot be downloaded: {reason}; check the address and the connection, or "
            "download it by other means and name the file"
        ) from error
    return bytes(content)


def _resume(remote: Fetched, part: Path, progress: Progress) -> int | None:
    """Request the rest and write it; return the size of the whole file if known."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    pace = Pace(SLOW_SECONDS, SLOW_BYTES)
    with _get(remote.address, pace, headers) as response:
        if response.status_code == 416:  # nothing left: the file is complete, or a different one
            if response.headers.get("content-range", "").rpartition("/")[2] == str(have):
                return have
            part.unlink(missing_ok=True)
            raise httpx.ProtocolError(f"the file has fewer than {have} bytes")
        if response.is_client_error:
            raise FetchError(
                f"{remote.address} was refused: {response.status_code} {response.reason_phrase}"
            )
        response.raise_for_status()
        resumed = response.status_code == 206
        start = have if resumed else 0
        if resumed and not response.headers.get("content-range", "").startswith(f"bytes {have}-"):
            part.unlink(missing_ok=True)  # not the requested range
            raise httpx.ProtocolError(f"got range {response.headers.get('content-range')!r}")
        length = response.headers.get("content-length", "")
        total = remote.size or (start + int(length) if length.isdigit() else None)
        _require_space(remote, part, (total or 0) - start)
        with part.open("ab" if resumed else "wb") as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                start += len(chunk)
                pace.received += len(chunk)
                progress(start, total or 0)
    return total


@contextmanager
def _get(
    address: str, pace: Pace, headers: dict[str, str] | None = None
) -> Iterator[httpx.Response]:
    """Request an address; a `TooSlow` replaces whatever the end of a slow request caused."""
    with pace, httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as client:
        try:
            with client.stream(
                "GET", address, headers=headers, extensions={"trace": pace.trace}
            ) as response:
                yield response
        except httpx.HTTPError as error:
            pace.raise_if_ended(error)
            raise
        pace.raise_if_ended()  # of an answer without a length, which ends with the connection


def _require_space(remote: Fetched, part: Path, needed: int) -> None:
    free = free_bytes(part.parent)
    if needed > free:
        raise FetchError(
            f"{remote.name} requires {format_bytes(needed)} more at {part.parent}, but "
            f"{format_bytes(free)} are free; free disk space or choose another folder"
        )


def _verify(remote: Fetched, part: Path) -> None:
    """Compare size and checksum; wrong content is deleted, so that it is not resumed."""
    size = _size(part)
    if remote.size is not None and size != remote.size:
        part.unlink()
        raise FetchError(
            f"{remote.address} has {size} bytes, expected {remote.size}; it was deleted"
        )
    if remote.checksum:
        kind, expected = remote.checksum.split(":")
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, kind).hexdigest()
        if not digest.startswith(expected):
            part.unlink()
            raise FetchError(
                f"{remote.address} has the {kind} {digest}, expected {expected}; it was deleted, "
                "repeat the same command"
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
