"""An address is no picture to a captioner; the command line downloads it, where it is asked to."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tushuo
from tests.cli.conftest import call
from tests.slow_server import SlowServer, slow_server
from tushuo.captioning.tagger import load_tagger
from tushuo.errors import PictureError
from tushuo.fetch import fetch_bytes

PICTURE = Path(__file__).parents[2] / "examples" / "coffee.jpg"


@pytest.fixture(scope="module")
def captioner() -> tushuo.Captioner:
    return tushuo.load()


@pytest.fixture
def server() -> Iterator[SlowServer]:
    with slow_server(PICTURE.read_bytes()) as server:
        yield server


@pytest.mark.parametrize("form", [str, Path])
def test_every_method_refuses_an_address_in_one_sentence(
    captioner: tushuo.Captioner, server: SlowServer, form: Callable[[str], object]
) -> None:
    picture = form(server.address)
    sentence = r"is an address, and only the command line downloads pictures; pass its content"
    for method in (
        lambda: captioner.caption(picture),
        lambda: captioner.explain(picture),
        lambda: list(captioner.stream(picture)),
        lambda: load_tagger().tag(picture),
    ):
        with pytest.raises(PictureError, match=sentence) as caught:
            method()
        assert "tushuo.fetch.fetch_bytes" in str(caught.value)
    results = captioner.caption_batch([picture, PICTURE])
    assert [type(one) for one in results] == [PictureError, tushuo.Caption]
    assert server.requests == 0


def test_what_the_sentence_names_works(captioner: tushuo.Captioner, server: SlowServer) -> None:
    content = fetch_bytes(server.address)
    assert captioner.caption(content).text == captioner.caption(PICTURE).text


def test_the_command_line_downloads_an_address(
    captioner: tushuo.Captioner, server: SlowServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("caption", server.address) == 0
    assert capsys.readouterr().out == f"{server.address}\t{captioner.caption(PICTURE).text}\n"
    assert call("tags", server.address) == 0
    assert "coffee" in capsys.readouterr().out
