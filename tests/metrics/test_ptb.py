"""Words equal the official tokenizer's: stored ones, and its output where Java is installed."""

import json
import re
from pathlib import Path

import pytest

from tests.metrics.conftest import with_java
from tushuo.data import read
from tushuo.metrics.ptb import tokenize
from tushuo.metrics.ptb_abbreviations import CAPITAL_ENDING, ENDING, IRREGULAR, NUMBERED, TITLES
from tushuo.metrics.ptb_characters import DIGIT, EXTENDER, IGNORED, LOWER, UPPER, classes
from tushuo.metrics.ptb_rules import RULES

# made by scripts/ptb_beside_java.py --record
STORED = json.loads((Path(__file__).parent / "ptb_reference.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("caption", STORED)
def test_stored_words(caption: str) -> None:
    assert " ".join(tokenize(caption)) == STORED[caption]


def test_captions_without_words_are_empty() -> None:
    for caption in ("", "  ", ".", "\n", "...", "'"):
        assert tokenize(caption) == []


def test_abbreviations_keep_their_full_stop_at_the_end_and_inside() -> None:
    for word in (*ENDING, *CAPITAL_ENDING, *TITLES, *IRREGULAR):
        for caption in (f"the {word}. x", f"the {word}.", f"the {word}., x"):
            assert tokenize(caption)[1] == f"{word.lower()}.", caption
    for word in CAPITAL_ENDING:
        assert tokenize(f"the {word.lower()}. x")[1] == word.lower()
    for word in NUMBERED:
        assert tokenize(f"the {word}. 5") == ["the", f"{word}.", "5"]
        assert tokenize(f"the {word}. x") == ["the", word, "x"]


def test_an_initial_depends_on_the_next_caption_only_if_it_is_given() -> None:
    assert tokenize("a face J.") == ["a", "face", "j."]
    assert tokenize("a face J.", "Smith is here") == ["a", "face", "j."]
    assert tokenize("a face J.", "The man") == ["a", "face", "j"]


def test_characters_are_replaced_by_their_class() -> None:
    expected = f"a{UPPER}{LOWER}{LOWER}{EXTENDER}{DIGIT}{IGNORED}{IGNORED}"
    assert classes("aÅé日\u0301٣\u200b🐶") == expected
    assert classes("“a”–½") == "“a”–½"


def test_rules_have_no_groups_of_their_own() -> None:
    for rule in RULES:  # they become one expression, whose groups are counted
        assert re.compile(rule.token).groups == re.compile(rule.context).groups == 0, rule


@with_java
def test_every_caption_of_flickr8k_is_split_as_by_the_java_program(flickr8k: Path) -> None:
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    captions = [caption for record in read(flickr8k) for caption in record.captions]
    official = PTBTokenizer().tokenize({0: [{"caption": caption} for caption in captions]})[0]
    ours = [" ".join(tokenize(caption)) for caption in captions]
    assert len(captions) == 35_000
    assert [pair for pair in zip(ours, official, strict=True) if pair[0] != pair[1]] == []
