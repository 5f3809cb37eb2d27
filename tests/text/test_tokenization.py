"""Captions to words and back."""

from pathlib import Path

import pytest

from tushuo.errors import DataError, RunError
from tushuo.text.tokenization import detokenize, language_of, tokenize
from tushuo.text.vocabulary import Vocabulary, VocabularyConfig


@pytest.mark.parametrize(
    ("caption", "tokenizer", "words"),
    [
        ("A man, riding a wave!", "words", ["a", "man", "riding", "a", "wave"]),
        ("it's a t-shirt\n", "words", ["it's", "a", "t", "shirt"]),
        ("", "words", []),
        ("两只狗，在草地上。", "characters", list("两只狗在草地上")),
        ("穿T恤的2人", "characters", ["穿", "t", "恤", "的", "2", "人"]),
        ("一个小女孩在草地上。", "jieba", ["一个", "小女孩", "在", "草地", "上"]),
    ],
)
def test_tokenize(caption: str, tokenizer: str, words: list[str]) -> None:
    assert tokenize(caption, tokenizer) == words


def test_detokenize() -> None:
    assert detokenize(["a", "dog"], "words") == "a dog"
    assert detokenize(["一个", "小女孩", "穿", "t", "恤"], "jieba") == "一个小女孩穿t恤"


def test_vocabulary_keeps_the_most_frequent(tmp_path: Path) -> None:
    captions = [["a", "dog"], ["a", "cat"], ["a", "dog", "runs"]]
    vocabulary = Vocabulary.fit(captions, VocabularyConfig(size=3))
    assert vocabulary.words[4:] == ("a", "dog", "cat")
    assert vocabulary.encode(["a", "zebra"]) == [1, 4, 3, 2]
    vocabulary.save(tmp_path)
    again = Vocabulary.load(tmp_path)
    assert again.counts is None
    assert (again.words, again.hash) == (vocabulary.words, vocabulary.hash)


def test_vocabulary_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="min-count"):
        Vocabulary.fit([["a"]], VocabularyConfig(min_count=2))
    (tmp_path / "vocabulary.json").write_text("{}")
    with pytest.raises(RunError, match="not a vocabulary"):
        Vocabulary.load(tmp_path)
    (tmp_path / "frequencies.json").write_text("{}")
    with pytest.raises(RunError, match="json cannot be read"):
        Vocabulary.load(tmp_path)


def test_vocabulary_knows_in_how_many_pictures_a_word_stands(tmp_path: Path) -> None:
    """Twice in one picture is once; strangers count together; the hash is as it was."""
    pictures = [[["a", "dog"], ["a", "dog", "runs"]], [["a", "cat"]], [["a", "man", "walks"]]]
    captions = [caption for of in pictures for caption in of]
    vocabulary = Vocabulary.fit(captions, VocabularyConfig(size=4))
    assert vocabulary.words[4:] == ("a", "dog", "cat", "man")
    with_counts = vocabulary.with_counts(pictures)
    assert with_counts.hash == vocabulary.hash
    with_counts.save(tmp_path)
    found = Vocabulary.load(tmp_path).counts
    assert found is not None
    assert found.pictures == 3
    assert found.words == {"<unk>": 2, "a": 3, "dog": 1, "cat": 1, "man": 1}


def test_vocabulary_knows_which_captions_are_said_again(tmp_path: Path) -> None:
    """Of one picture or of two; not one that has a stranger in it; older runs do not tell."""
    pictures = [[["a", "dog"], ["a", "dog"]], [["a", "dog"], ["a", "cat"]], [["an", "ox"]] * 2]
    captions = [caption for of in pictures for caption in of]
    with_counts = Vocabulary.fit(captions, VocabularyConfig(size=3)).with_counts(pictures)
    with_counts.save(tmp_path)
    found = Vocabulary.load(tmp_path).counts
    assert found is not None
    assert found.captions == {"a dog": 3}
    (tmp_path / "frequencies.json").write_text('{"pictures": 3, "words": {"a": 2}}')
    before = Vocabulary.load(tmp_path).counts
    assert before is not None
    assert before.captions is None


def test_the_language_of_words_is_that_of_most_of_them() -> None:
    assert language_of(["a", "dog", "café", "3"]) == "en"
    assert language_of(["一", "只", "狗", "t恤", "t"]) == "zh"
