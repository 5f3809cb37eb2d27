"""Captions are reduced to the words that a picture can show."""

import pytest

from tushuo.concepts.caption_words import CaptionWords

MANY = ["a dog", "a box", "a wolf", "a knife", "a berry", "a tie", "the beach", "a bus", "a shoe"]


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("dogs", "dog"), ("boxes", "box"), ("wolves", "wolf"), ("knives", "knife"),
        ("berries", "berry"), ("ties", "tie"), ("beaches", "beach"), ("buses", "bus"),
        ("shoes", "shoe"), ("bus", "bus"), ("grass", "grass"), ("cats", "cats"), ("gas", "gas"),
        ("men", "men"), ("sitting", "sitting"),
    ],
)  # fmt: skip
def test_plurals_become_singulars_that_captions_use(plural: str, singular: str) -> None:
    assert CaptionWords(MANY * 5, "en").lemma(plural) == singular


def test_function_words_are_left_out() -> None:
    words = CaptionWords(MANY * 5, "en")
    assert words(["Two dogs are sitting in front of the Box.", "A brown dog"]) == {
        "dog", "sitting", "box", "brown",
    }  # fmt: skip
    chinese = CaptionWords(["一只棕色的狗在草地上奔跑"], "zh")
    assert chinese(["一只棕色的狗在草地上奔跑"]) >= {"狗", "草地", "奔跑"}
    assert not chinese(["一只棕色的狗在草地上奔跑"]) & {"的", "在", "上", "一只"}
