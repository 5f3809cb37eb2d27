"""Words of ImageNet classes."""

import numpy as np
import pytest

from tushuo.concepts.class_words import class_words, classes_of_words


@pytest.mark.parametrize(
    ("language", "tabby", "pizza"), [("en", "cat", "pizza"), ("zh", "猫", "披萨")]
)
def test_classes_have_the_words_of_captions(language: str, tabby: str, pizza: str) -> None:
    words = class_words(language)
    assert len(words) == 1000
    assert tabby in words[281]
    assert pizza in words[963]


def test_a_word_is_listed_for_its_classes() -> None:
    listed = classes_of_words(["dog", "nonsense", "pizza"], "en")
    assert listed.shape == (1000, 3)
    assert np.flatnonzero(listed[:, 2]).tolist() == [963]
    assert not listed[:, 1].any()
    assert 100 < listed[:, 0].sum() < 140  # breeds
