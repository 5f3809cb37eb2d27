"""Who may use the service: keys, hosts, origins."""

from pathlib import Path

import pytest

from tests.serve.conftest import Running, numbered, running
from tests.serve.test_service import CAPTIONS, caption_of, problem_of
from tushuo.errors import SettingError
from tushuo.serve.access import allowed_hosts, host_name, is_loopback, read_keys

KEYS = ["first-key-0123456789", "second-key-0123456789"]


def test_a_request_needs_one_of_the_keys() -> None:
    with running(keys=KEYS) as own:
        for key in KEYS:
            for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
                got = own.client.post(CAPTIONS, content=numbered(1), headers=headers)
                assert caption_of(got) == "number 1 greedy"
        wrong = [{}, {"X-API-Key": KEYS[0][:-1]}, {"X-API-Key": ""}]
        wrong += [{"Authorization": f"Basic {KEYS[0]}"}, {"Authorization": "Bearer \xe9"}]
        for one in wrong:
            encoded = {name: value.encode("latin-1") for name, value in one.items()}
            for path in (CAPTIONS, f"{CAPTIONS}?key={KEYS[0]}"):
                refused = own.client.post(path, content=numbered(1), headers=encoded)
                problem_of(refused, "unauthorized")
                assert refused.headers["www-authenticate"] == "Bearer"
        for path in ("/metrics", "/v1/model", "/openapi.json"):
            problem_of(own.client.get(path), "unauthorized")
        assert own.client.get("/live").status_code == own.client.get("/ready").status_code == 200


def test_a_page_under_another_name_or_of_another_site_is_refused(server: Running) -> None:
    port = server.url.rpartition(":")[2]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST", f"[::1]:{port}"):
        assert server.client.get("/live", headers={"Host": host}).status_code == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "", "[", "@"):
        got = server.client.post(CAPTIONS, content=numbered(1), headers={"Host": host})
        problem_of(got, "wrong-host")
    own = {"Origin": server.url}
    assert server.client.get("/live", headers=own).status_code == 200
    for origin in ("http://evil.example", "null", f"http://localhost:{port}", "http://127.0.0.1"):
        got = server.client.post(CAPTIONS, content=numbered(1), headers={"Origin": origin})
        problem_of(got, "foreign-origin")
    assert server.captioner.batches == []


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("example.org", False)],
)  # fmt: skip
def test_hosts_that_others_can_reach_require_a_key(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback
    if loopback:
        assert host in (allowed_hosts(host, more=(), has_keys=False) or ())
        return
    with pytest.raises(SettingError, match=f"host was {host}, which other machines can reach"):
        allowed_hosts(host, more=(), has_keys=False)
    assert allowed_hosts(host, more=(), has_keys=True) is None
    assert allowed_hosts(host, more=["A.example"], has_keys=True) == {"a.example"}


def test_the_name_of_a_host_header() -> None:
    names = [host_name(one) for one in ("A.example:80", "[::1]:8000", "a", "a:b", "[x", "u@h")]
    assert names == ["a.example", "::1", "a", "a", "", "h"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read from .*: No such file"),
        (b"\xff", "it is not text"),
        (b"\n# comment\n", "has no API key; write one key on each line"),
        (b"short\n", "key 1 of .* must have 16 to 1000 printable ASCII"),
        (b"long-enough-0123456789\nwith spaces in it, long\n", "key 2 of .* must have"),
    ],
)
def test_files_of_keys_that_are_refused(
    content: bytes | None, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingError, match=sentence):
        read_keys(path)


def test_a_file_of_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"# ours\n{KEYS[0]}\n\n  {KEYS[1]}  \n")
    assert read_keys(tmp_path / "keys") == KEYS
