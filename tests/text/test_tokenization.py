"""Captions to words and back."""

from itertools import chain
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


def test_a_vocabulary_keeps_the_most_frequent_words(tmp_path: Path) -> None:
    captions = [["a", "dog"], ["a", "cat"], ["a", "dog", "runs"]]
    vocabulary = Vocabulary.fit(captions, VocabularyConfig(size=3))
    assert vocabulary.words[4:] == ("a", "dog", "cat")
    assert vocabulary.encode(["a", "zebra"]) == [1, 4, 3, 2]
    vocabulary.save(tmp_path)
    loaded = Vocabulary.load(tmp_path)
    assert loaded.counts is None
    assert (loaded.words, loaded.hash) == (vocabulary.words, vocabulary.hash)


def test_invalid_vocabularies_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="min-count"):
        Vocabulary.fit([["a"]], VocabularyConfig(min_count=2))
    (tmp_path / "vocabulary.json").write_text("{}")
    with pytest.raises(RunError, match="not a vocabulary"):
        Vocabulary.load(tmp_path)
    (tmp_path / "frequencies.json").write_text("{}")
    with pytest.raises(RunError, match="json cannot be read"):
        Vocabulary.load(tmp_path)


def test_counts_are_the_pictures_whose_captions_contain_a_word(tmp_path: Path) -> None:
    """Each picture counts once, unknown words count together, and the hash does not change."""
    pictures = [[["a", "dog"], ["a", "dog", "runs"]], [["a", "cat"]], [["a", "man", "walks"]]]
    captions = list(chain.from_iterable(pictures))
    vocabulary = Vocabulary.fit(captions, VocabularyConfig(size=4))
    assert vocabulary.words[4:] == ("a", "dog", "cat", "man")
    with_counts = vocabulary.with_counts(pictures)
    assert with_counts.hash == vocabulary.hash
    with_counts.save(tmp_path)
    counts = Vocabulary.load(tmp_path).counts
    assert counts is not None
    assert counts.pictures == 3
    assert counts.words == {"<unk>": 2, "a": 3, "dog": 1, "cat": 1, "man": 1}


def test_counts_of_identical_captions(tmp_path: Path) -> None:
    """Within a picture or across pictures, without unknown words; older runs have no counts."""
    pictures = [[["a", "dog"], ["a", "dog"]], [["a", "dog"], ["a", "cat"]], [["an", "ox"]] * 2]
    captions = list(chain.from_iterable(pictures))
    with_counts = Vocabulary.fit(captions, VocabularyConfig(size=3)).with_counts(pictures)
    with_counts.save(tmp_path)
    counts = Vocabulary.load(tmp_path).counts
    assert counts is not None
    assert counts.captions == {"a dog": 3}
    (tmp_path / "frequencies.json").write_text('{"pictures": 3, "words": {"a": 2}}')
    old_counts = Vocabulary.load(tmp_path).counts
    assert old_counts is not None
    assert old_counts.captions is None


def test_the_language_of_words_is_that_of_most_of_them() -> None:
    assert language_of(["a", "dog", "café", "3"]) == "en"
    assert language_of(["一", "只", "狗", "t恤", "t"]) == "zh"


def test_a_vocabulary_knows_its_words() -> None:
    vocabulary = Vocabulary.fit([["a", "dog"]], VocabularyConfig())
    assert vocabulary.knows("a dog")
    assert not vocabulary.knows("a cat")
    assert not vocabulary.knows("<end>")
