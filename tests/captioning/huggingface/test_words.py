"""Tokens become words, with the tokens of each."""

import pytest

from tests.captioning.huggingface.conftest import Models
from tushuo.captioning.huggingface.words import split_words, words_of


@pytest.mark.parametrize(
    "family", ["blip", "git", "vision-encoder-decoder", "paligemma", "qwen2_vl"]
)
def test_every_token_belongs_to_one_word(family: str, models: Models) -> None:
    tokenizer = models.captioner(family)._loaded.tokenizer
    tokens = tokenizer("two children sleeps on grass", add_special_tokens=False).input_ids
    text, words = words_of(tokens, tokenizer, "en")
    assert text.split() == [word.text for word in words]
    assert sorted(place for word in words for place in word.tokens) == list(range(len(tokens)))
    for word in words:
        own = tokenizer.decode([tokens[place] for place in word.tokens], skip_special_tokens=True)
        assert own.replace("##", "").strip() == word.text
    cut, first = words_of(tokens, tokenizer, "en", most=2)
    assert cut.split() == [word.text for word in first] == text.split()[:2]


class Pieces:
    """A tokenizer whose tokens are given texts."""

    def __init__(self, *pieces: str):
        self._pieces = pieces

    def decode(self, tokens: list[int], skip_special_tokens: bool) -> str:
        return "".join(self._pieces[token] for token in tokens)


def test_a_token_of_two_words() -> None:
    """As the vocabularies of chat models have them for Chinese; each word still has its step."""
    text, words = words_of([0, 1, 2], Pieces("一只", "狗在草", "地上"), "zh")
    assert text == "一只狗在草地上"
    assert [word.text for word in words] == ["一只", "狗", "在", "草地", "上"]
    assert [word.step for word in words] == [0, 1, 1, 1, 2]
    assert sorted(place for word in words for place in word.tokens) == [0, 1, 2]
    assert words[1].tokens == ()


def test_no_tokens(models: Models) -> None:
    assert words_of([], models.captioner("blip")._loaded.tokenizer, "en") == ("", [])


def test_chinese_words_are_those_of_jieba() -> None:
    assert split_words("一只棕色的狗在草地上奔跑。", "zh") == [
        "一只", "棕色", "的", "狗", "在", "草地", "上", "奔跑"
    ]  # fmt: skip
    assert split_words("a brown  dog", "en") == ["a", "brown", "dog"]
