"""Who may use the service: API keys, and the hosts and origins that a browser may name."""

import hashlib
import hmac
from collections.abc import Collection
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from tushuo.errors import SettingError
from tushuo.serve.page_files import FILES
from tushuo.serve.problems import Problem

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
OPEN_PATHS = ("/live", "/ready", *FILES)  # which need no key: a state, and the page's files
MIN_KEY, MAX_KEY = 16, 1000  # characters


class Access:
    """What requests are refused before their body is read.

    Args:
        keys: API keys, one of which each request must have; none: no key is required.
        hosts: names that the Host header may have; None: any.
    """

    def __init__(self, *, keys: Collection[str] = (), hosts: Collection[str] | None = None):
        self._digests = [_digest(key) for key in keys]
        self._hosts = hosts

    def check(self, path: str, headers: Headers) -> None:
        """Refuse a request from elsewhere or without a key.

        Raises:
            Problem: its host, its origin or its key is not accepted.
        """
        host = headers.get("host", "")
        if self._hosts is not None and host_name(host) not in self._hosts:
            raise Problem(
                "wrong-host",
                "the Host header names another machine than this service is on; use the address "
                "that it printed when it started, or start it with --allow-host",
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise Problem(
                "foreign-origin",
                "the request comes from a page of another site, which may not use this service",
            )
        if self._digests and path not in OPEN_PATHS:
            self._require_key(headers)

    def _require_key(self, headers: Headers) -> None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            key = headers.get("x-api-key", "")
        given = _digest(key.strip())
        matches = [hmac.compare_digest(given, one) for one in self._digests]  # all of them
        if not any(matches):
            raise Problem(
                "unauthorized",
                "the request has no API key that this service knows; send one as Authorization: "
                "Bearer KEY",
                headers={"WWW-Authenticate": "Bearer"},
            )


def read_keys(path: Path) -> list[str]:
    """Read API keys, one on each line; empty lines and those that begin with # are skipped.

    Raises:
        SettingError: the file cannot be read, has no key, or a key is too short, too long or not
            of printable ASCII characters.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingError(f"the API keys cannot be read from {path}: {reason}") from error
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys:
        raise SettingError(f"{path} has no API key; write one key on each line")
    for number, key in enumerate(keys, 1):
        if not MIN_KEY <= len(key) <= MAX_KEY or not all("!" <= one <= "~" for one in key):
            raise SettingError(
                f"key {number} of {path} must have {MIN_KEY} to {MAX_KEY} printable ASCII "
                "characters without spaces; make one with: openssl rand -hex 32"
            )
    return keys


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def allowed_hosts(host: str, *, more: Collection[str], has_keys: bool) -> frozenset[str] | None:
    """Return the names that the Host header may have; None: any.

    A service on a loopback address accepts the names of this machine alone, so that no web page can
    reach it by a name of its own that resolves to 127.0.0.1 (DNS rebinding).

    Args:
        host: address that the service binds.
        more: names that the user allows.
        has_keys: whether requests need a key.

    Raises:
        SettingError: it could be reached from other machines, without a key.
    """
    if is_loopback(host):
        return frozenset((*LOOPBACK_NAMES, host.lower(), *(name.lower() for name in more)))
    if not has_keys:
        raise SettingError(
            f"host was {host}, which other machines can reach, so requests need a key; give "
            "--api-key-file, or --host 127.0.0.1"
        )
    return frozenset(name.lower() for name in more) or None


def host_name(header: str) -> str:
    """Return the name in a Host header, without its port."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
