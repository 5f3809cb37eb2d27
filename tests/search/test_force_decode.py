"""Captions that are given: their probabilities are those of the search that found them."""

import pytest
import torch

from tests.search.scripted import ScriptedDecoder, pictures
from tushuo.search.force_decode import force_decode
from tushuo.text.vocabulary import END

CAPTIONS = [[4, 5, 6], [], [6, 6, 6, 6, 4], [5]]


def test_given_captions_have_the_probabilities_of_single_steps() -> None:
    decoder, owners = ScriptedDecoder(vocabulary=8), torch.tensor([1, 0, 1, 2])
    found: list[list[float]] = [[] for _ in CAPTIONS]
    with torch.inference_mode():
        for rows, step in force_decode(decoder, pictures(3, 7, 11), CAPTIONS, owners):
            for row, log_probs in zip(rows.tolist(), step.log_probs, strict=True):
                word = [*CAPTIONS[row], END][len(found[row])]
                found[row].append(log_probs[word].item())
    for row, owner in enumerate([7, 3, 7, 11]):
        assert found[row] == pytest.approx(decoder.told(owner, CAPTIONS[row]))
