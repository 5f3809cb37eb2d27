"""Fetch a file by HTTP so that nothing is lost: resumed, checked, and renamed when whole.

What arrives goes to ``NAME.part``; a broken connection, a kill, or another call tomorrow goes on
from its end. Servers are not trusted: one that answers a range with the whole file is read from its
beginning, and one that lies about the length is found out by the checksum, or by the length that it
gave.
"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tushuo.errors import FetchError
from tushuo.runtime import Progress, free_bytes

TRIES = 5  # in a row, without a single new byte
TIMEOUT_SECONDS = 30.0
WAIT_SECONDS = 1.0  # before the second try; doubled for each further one


@dataclass(frozen=True)
class Fetched:
    """A file that can be fetched.

    Attributes:
        address: http or https.
        checksum: ``md5:`` or ``sha256:`` and hex digits, or the first of them; None if unknown.
        size: bytes, where they are known beforehand.
    """

    address: str
    checksum: str | None = None
    size: int | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.address.rsplit("/", 1)[-1]


def fetch(what: Fetched, path: Path, *, progress: Progress, wait: float = WAIT_SECONDS) -> Path:
    """Fetch a file to ``path``, from where an earlier call was stopped.

    Args:
        what: the file.
        path: where it belongs; it is there only when it is whole.
        progress: called with bytes done and bytes in all (0 while that is unknown).
        wait: seconds before the second try.

    Raises:
        FetchError: no connection, a refusal, a full disk, or bytes that are not the right ones.
    """
    if path.exists():
        return path
    part = path.with_name(f"{path.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    failures = 0
    total = what.size
    while True:
        before = _size(part)
        try:
            total = _go_on(what, part, progress)
            if _size(part) == total or total is None:
                break
            said = f"{_size(part)} of {total} bytes came"
        except FetchError:
            raise
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
        except OSError as error:
            raise FetchError(f"{part} cannot be written: {error}") from error
        failures = failures + 1 if _size(part) <= before else 0
        if failures >= TRIES:
            raise FetchError(
                f"{what.address} cannot be fetched: {said}, {TRIES} times; "
                "give the same command again when the connection is there, it goes on"
            )
        time.sleep(wait * 2**failures)
    _check(what, part)
    part.replace(path)
    return path


def fetch_bytes(address: str, *, most: int) -> bytes:
    """Fetch something small into memory.

    Raises:
        FetchError: another kind of address, no connection, a refusal, or more than ``most`` bytes.
    """
    if not address.lower().startswith(("http://", "https://")):
        raise FetchError(
            f"{address} begins with {address.partition('://')[0]}://; only http:// and https:// "
            "are fetched, so fetch it by other means and name the file"
        )
    content = bytearray()
    try:
        with httpx.stream("GET", address, timeout=TIMEOUT_SECONDS, follow_redirects=True) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > most:
                    raise FetchError(
                        f"{address} has more than {most} bytes, which is the most that is read"
                    )
    except httpx.HTTPStatusError as error:
        refused = error.response
        raise FetchError(
            f"{address} was refused: {refused.status_code} {refused.reason_phrase}"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = str(error) or type(error).__name__
        raise FetchError(f"{address} cannot be fetched: {said}") from error
    return bytes(content)


def _go_on(what: Fetched, part: Path, progress: Progress) -> int | None:
    """Ask for the rest and write it; return how long the whole file is, as far as is known."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with httpx.stream(
        "GET", what.address, headers=headers, timeout=TIMEOUT_SECONDS, follow_redirects=True
    ) as answer:
        if answer.status_code == 416:  # there is no rest: the file is whole, or another one
            if answer.headers.get("content-range", "").rpartition("/")[2] == str(have):
                return have
            part.unlink(missing_ok=True)
            raise httpx.ProtocolError(f"it does not have {have} bytes")
        if answer.is_client_error:
            raise FetchError(
                f"{what.address} was refused: {answer.status_code} {answer.reason_phrase}"
            )
        answer.raise_for_status()
        resumed = answer.status_code == 206
        start = have if resumed else 0
        if resumed and not answer.headers.get("content-range", "").startswith(f"bytes {have}-"):
            part.unlink(missing_ok=True)  # a part that was not asked for
            raise httpx.ProtocolError(f"range {answer.headers.get('content-range')!r} came")
        length = answer.headers.get("content-length", "")
        total = what.size or (start + int(length) if length.isdigit() else None)
        _require_room(what, part, (total or 0) - start)
        with part.open("ab" if resumed else "wb") as file:
            for chunk in answer.iter_raw():
                file.write(chunk)
                start += len(chunk)
                progress(start, total or 0)
    return total


def _require_room(what: Fetched, part: Path, needed: int) -> None:
    free = free_bytes(part.parent)
    if needed > free:
        raise FetchError(
            f"{what.name} wants {needed / 1e9:.2f} GB more at {part.parent}, and {free / 1e9:.2f} "
            "GB are free; make room or choose another folder"
        )


def _check(what: Fetched, part: Path) -> None:
    """Compare size and checksum; what is wrong is deleted, or the next call would go on with it."""
    size = _size(part)
    if what.size is not None and size != what.size:
        part.unlink()
        raise FetchError(f"{what.address} has {size} bytes, expected {what.size}; it was deleted")
    if what.checksum:
        kind, expected = what.checksum.split(":")
        with part.open("rb") as file:
            came = hashlib.file_digest(file, kind).hexdigest()
        if not came.startswith(expected):
            part.unlink()
            raise FetchError(
                f"{what.address} has the {kind} {came}, expected {expected}; it was deleted, "
                "give the same command again"
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
