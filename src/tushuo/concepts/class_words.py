"""The words for ImageNet classes, from imagenet.tsv (its README states columns and rules)."""

import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Bool

from tushuo.text.tokenization import Language

CLASSES = 1000
TABLE = "imagenet.tsv"


@cache
def class_words(language: Language) -> tuple[tuple[str, ...], ...]:
    """Return the caption words of each class, from specific to general."""
    text = (files("tushuo.concepts") / TABLE).read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(tuple(row[language].split()) for row in rows)


def classes_of_words(words: Sequence[str], language: Language) -> Bool[np.ndarray, "classes C"]:
    """Return which classes each word is listed for."""
    index = {word: column for column, word in enumerate(words)}
    listed = np.zeros((CLASSES, len(words)), bool)
    for row, of_class in enumerate(class_words(language)):
        listed[row, [index[word] for word in of_class if word in index]] = True
    return listed
