"""Forced decoding of given captions."""

import pytest
import torch

from tests.search.scripted import ScriptedDecoder, pictures
from tushuo.search.force_decode import force_decode
from tushuo.text.vocabulary import END

CAPTIONS = [[4, 5, 6], [], [6, 6, 6, 6, 4], [5]]


def test_log_probs_equal_those_of_single_steps() -> None:
    decoder, rows_of_pictures = ScriptedDecoder(vocabulary=8), torch.tensor([1, 0, 1, 2])
    log_probs: list[list[float]] = [[] for _ in CAPTIONS]
    with torch.inference_mode():
        for rows, step in force_decode(decoder, pictures(3, 7, 11), CAPTIONS, rows_of_pictures):
            for row, next_word in zip(rows.tolist(), step.log_probs, strict=True):
                word = [*CAPTIONS[row], END][len(log_probs[row])]
                log_probs[row].append(next_word[word].item())
    for row, picture in enumerate([7, 3, 7, 11]):
        assert log_probs[row] == pytest.approx(decoder.log_probs(picture, CAPTIONS[row]))
