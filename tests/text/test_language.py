"""The language of captions is recognised by their characters."""

import pytest

from tushuo.text.language import caption_language, count_languages, tokenizer_warning


@pytest.mark.parametrize(
    ("caption", "language"),
    [
        ("a dog runs", "en"),
        ("Ein Hund läuft", "en"),
        ("一只狗在跑。", "zh"),
        ("一个穿NBA球衣的男人", "zh"),
        ("一部iPhone", "zh"),
        ("𠮷", "zh"),
        ("犬がいる", "zh"),  # no spaces either
        ("a shop sign that reads 北京烤鸭店", "en"),
        ("a tattoo of 龙", "en"),
    ],
)
def test_the_language_of_a_caption(caption: str, language: str) -> None:
    other = {"en": "zh", "zh": "en"}[language]
    assert count_languages([caption]) == {language: 1, other: 0}


def test_captions_without_letters_do_not_count() -> None:
    assert count_languages(["", " ", "123", "😀", "。！", "кот"]) == {"en": 0, "zh": 0}


@pytest.mark.parametrize(
    ("captions", "language"),
    [
        ([], "en"),
        (["", "5"], "en"),
        (["a dog", "一只狗"], "en"),  # as many of each
        (["a dog", "一只狗", "两只狗", ""], "zh"),
        (["a dog", "a cat", "一只狗"], "en"),
    ],
)
def test_most_captions_decide(captions: list[str], language: str) -> None:
    assert caption_language(captions) == language


@pytest.mark.parametrize("tokenizer", ["words", "ptb", "jieba", "characters"])
def test_an_english_tokenizer_bears_a_tenth_of_chinese_and_a_chinese_one_half(
    tokenizer: str,
) -> None:
    english = tokenizer in ("words", "ptb")
    for chinese in range(11):
        captions = ["一只狗"] * chinese + ["a dog"] * (10 - chinese) + [""]
        warning = tokenizer_warning(captions, tokenizer, cure="change it")
        assert (warning is not None) == (chinese > 1 if english else chinese < 5)
    assert tokenizer_warning([], tokenizer, cure="change it") is None


def test_the_warning_names_both_and_the_cure() -> None:
    assert tokenizer_warning(["一只狗", "a", "b"], "ptb", name="references", cure="use jieba") == (
        "1 of 3 references is Chinese, but the tokenizer ptb is for English; use jieba"
    )
    assert tokenizer_warning(["a", "b", "一只狗"], "jieba", cure="use ptb") == (
        "2 of 3 captions are English, but the tokenizer jieba is for Chinese; use ptb"
    )
