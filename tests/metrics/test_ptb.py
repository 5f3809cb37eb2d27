"""Words as the official tokenizer has them: stored, and beside the Java program where it is."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from tushuo.data import read
from tushuo.metrics.ptb import split

STORED = json.loads((Path(__file__).parent / "ptb_reference.json").read_text())


@pytest.mark.parametrize("caption", STORED)
def test_stored_words(caption: str) -> None:
    assert split(caption) == STORED[caption]


def test_nothing_becomes_nothing() -> None:
    for caption in ("", "  ", ".", "\n", "...", "'"):
        assert split(caption) == []


@pytest.mark.skipif(
    find_spec("pycocoevalcap") is None or shutil.which("java") is None,
    reason="wants Java, and pip install 'tushuo[official]'",
)
def test_every_caption_of_flickr8k_as_the_java_program_has_it(flickr8k: Path) -> None:
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    captions = [caption for record in read(flickr8k) for caption in record.captions]
    official = PTBTokenizer().tokenize({0: [{"caption": caption} for caption in captions]})[0]
    ours = [" ".join(split(caption)) for caption in captions]
    assert len(captions) == 35_000
    assert [pair for pair in zip(ours, official, strict=True) if pair[0] != pair[1]] == []
