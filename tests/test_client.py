"""The client, against a real server."""

import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tushuo
from tests.serve.conftest import NumberCaptioner, Running, numbered, running
from tests.slow_server import slow_server
from tushuo.captioning.caption import Caption
from tushuo.client import Client
from tushuo.errors import PictureError, ServiceError, SettingError


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as own:
        yield own


def test_captions_are_those_of_the_captioner(server: Running) -> None:
    picture = numbered(77)
    with tushuo.Client(server.url) as client:
        plain = client.caption(picture)
        full = client.caption(picture, attention=True, concepts=True, banned_words=["x", "y z"])
    own = NumberCaptioner().caption(picture)
    assert plain == Caption(text=own.text, words=own.words, log_probs=own.log_probs)
    assert own.attention is not None
    assert np.array_equal(full.attention, own.attention)  # type: ignore[arg-type]
    assert (full.concepts, full.field_of_view) == (own.concepts, own.field_of_view)


def test_pictures_in_any_form(server: Running, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(numbered(5))
    image = Image.open(BytesIO(numbered(5)))
    forms = [
        tmp_path / "a.png", str(tmp_path / "a.png"), numbered(5), bytearray(numbered(5)),
        BytesIO(numbered(5)), image, np.asarray(image),
    ]  # fmt: skip
    with Client(server.url) as client:
        texts = [client.caption(one).text for one in forms]  # type: ignore[arg-type]
    assert texts == ["number 5 greedy"] * len(forms)


def test_many_pictures_are_sent_as_the_limits_require() -> None:
    pictures = [numbered(number) for number in range(40)]
    pictures[7], pictures[20] = b"nonsense", Path("no-such-file.png")  # type: ignore[call-overload]
    with running(max_pictures=5, max_bytes=15_000) as own, Client(own.url) as client:
        results = client.caption_batch(pictures, search="beam")
        assert [number for number, one in enumerate(results) if isinstance(one, PictureError)] == [
            7, 20,
        ]  # fmt: skip
        for number, one in enumerate(results):
            if isinstance(one, Caption):
                assert one.text == f"number {number} beam"
        assert 8 <= own.metric("tushuo_requests_total") <= 14


def test_errors_are_those_of_a_captioner(server: Running) -> None:
    with Client(server.url) as client:
        with pytest.raises(PictureError, match="in no format that is read"):
            client.caption(b"nonsense")
        with pytest.raises(SettingError, match="'serch' is not an option; did you mean search"):
            client.caption(numbered(1), serch="beam")
        with pytest.raises(SettingError, match="pass a list of pictures"):
            client.caption_batch(numbered(1))  # type: ignore[arg-type]
    nobody = Client("http://127.0.0.1:9", timeout=2.0)
    with pytest.raises(ServiceError, match=r"cannot be reached.*start it with tushuo serve"):
        nobody.model()
    with slow_server(b"<html>") as other:
        stranger = Client(other.address.rpartition("/")[0])
        with pytest.raises(ServiceError, match="but not as a tushuo service"):
            stranger.model()


def test_keys_and_patience() -> None:
    key = "key-0123456789abcdef"
    with running(keys=[key]) as own:
        with Client(own.url) as client, pytest.raises(ServiceError, match="unauthorized"):
            client.model()
        with Client(own.url, api_key=key) as client:
            assert client.model()["model"] == "numbers"
    waits = threading.Event()

    def load() -> NumberCaptioner:
        waits.wait(20)
        return NumberCaptioner()

    with running(load=load, is_ready=False) as own:
        with Client(own.url) as client, pytest.raises(ServiceError, match="not-ready"):
            client.caption(numbered(1))
        threading.Timer(0.3, waits.set).start()
        with Client(own.url, patience=15.0) as client:
            assert client.caption(numbered(1)).text == "number 1 greedy"
