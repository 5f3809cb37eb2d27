"""Words equal the official tokenizer's: stored ones, and its output where Java is installed."""

import json
from pathlib import Path

import pytest

from tests.metrics.conftest import with_java
from tushuo.data import read
from tushuo.metrics.ptb import tokenize

STORED = json.loads((Path(__file__).parent / "ptb_reference.json").read_text())


@pytest.mark.parametrize("caption", STORED)
def test_stored_words(caption: str) -> None:
    assert tokenize(caption) == STORED[caption]


def test_captions_without_words_are_empty() -> None:
    for caption in ("", "  ", ".", "\n", "...", "'"):
        assert tokenize(caption) == []


@with_java
def test_every_caption_of_flickr8k_is_split_as_by_the_java_program(flickr8k: Path) -> None:
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    captions = [caption for record in read(flickr8k) for caption in record.captions]
    official = PTBTokenizer().tokenize({0: [{"caption": caption} for caption in captions]})[0]
    ours = [" ".join(tokenize(caption)) for caption in captions]
    assert len(captions) == 35_000
    assert [pair for pair in zip(ours, official, strict=True) if pair[0] != pair[1]] == []
