"""Which captions of a teacher are kept: each filter alone, and their order."""

from dataclasses import replace

import pytest

from tushuo.captioning.caption import Caption
from tushuo.captioning.teaching import (
    Filters,
    content_words,
    flaw,
    mean_log_prob,
    select,
    with_candidates,
)
from tushuo.errors import SettingError
from tushuo.search.config import SearchConfig
from tushuo.text.tokenization import Language


def made(text: str, mean: float | None = -0.5, **values: object) -> Caption:
    words = tuple(text.split())
    log_probs = () if mean is None else (mean,) * (len(words) + 1)
    return Caption(text=text, words=words, log_probs=log_probs, **values)  # type: ignore[arg-type]


def best(*texts: str, confidence: float | None = 0.9) -> Caption:
    first, *others = texts
    return replace(made(first), confidence=confidence, alternatives=tuple(map(made, others)))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("", "en", "empty"),
        (" . ,", "en", "empty"),
        ("dog", "en", "one word"),
        ("a dog and <unk>", "en", "unknown word"),
        ("a [UNK] runs", "en", "unknown word"),
        ("a dog dog runs", "en", "repeats itself"),
        ("a dog in a park in a park", "en", "repeats itself"),
        ("a man in a hat and a man in a coat", "en", "repeats itself"),
        ("a dog runs in the", "en", "ends in a function word"),
        ("a black and black dog", "en", None),
        ("a dog and a cat", "en", None),
        ("狗", "zh", "one word"),
        ("一只狗和", "zh", "ends in a function word"),
        ("一只狗在草地上跑", "zh", None),
    ],
)
def test_flaws_of_sentences(text: str, language: Language, expected: str | None) -> None:
    assert flaw(text, language) == expected


def test_captions_with_the_same_content_words_are_near_duplicates() -> None:
    assert content_words("A dog is on the grass.", "en") == {"dog", "grass"}
    kept = select(
        best("a dog on the grass", "the dog is on grass", "a dog on the sand"), Filters(), "en"
    )
    assert [one.text for one in kept.captions] == ["a dog on the grass", "a dog on the sand"]
    assert kept.dropped == {"near-duplicate": 1}


def test_as_many_captions_as_requested_are_kept_best_first() -> None:
    several = best("a dog runs", "a dog sits", "a cat sits")
    assert [len(select(several, Filters(captions=n), "en").captions) for n in (1, 2, 5)] == [
        1,
        2,
        3,
    ]
    assert select(several, Filters(captions=1), "en").captions[0].text == "a dog runs"
    assert select(several, Filters(captions=1), "en").dropped == {}


def test_a_photograph_with_a_low_confidence_is_left_out() -> None:
    one = best("a dog runs", confidence=0.6)
    assert select(one, Filters(), "en").captions
    left_out = select(one, Filters(min_confidence=0.7), "en")
    assert (left_out.captions, left_out.reason) == ((), "not confident")
    assert select(replace(one, confidence=0.49), Filters(), "en").reason == "not confident"


def test_a_photograph_unlike_the_calibration_pictures_is_left_out() -> None:
    one = replace(best("a dog runs"), familiarity=0.001)
    assert select(one, Filters(), "en").reason == "unlike the calibration pictures"


def test_improbable_captions_are_dropped_where_there_is_no_confidence() -> None:
    one = replace(made("a dog runs"), alternatives=(made("a cat sits", mean=-1.6),))
    kept = select(one, Filters(), "en")
    assert [caption.text for caption in kept.captions] == ["a dog runs"]
    assert kept.dropped == {"improbable": 1}
    assert len(select(one, Filters(min_log_prob=-2.0), "en").captions) == 2
    calibrated = replace(one, confidence=0.9)
    assert len(select(calibrated, Filters(), "en").captions) == 2
    assert len(select(calibrated, Filters(min_log_prob=-1.5), "en").captions) == 1


def test_a_captioner_without_log_probabilities_is_filtered_by_sentences_alone() -> None:
    one = replace(made("a dog runs", mean=None), alternatives=(made("a dog the", mean=None),))
    assert mean_log_prob(one) is None
    assert len(select(one, Filters(), "en").captions) == 1
    with pytest.raises(SettingError, match=r"min-log-prob was -1.0, but this captioner provides"):
        select(one, Filters(min_log_prob=-1.0), "en")


def test_a_photograph_without_a_good_caption_states_what_was_wrong() -> None:
    nothing = select(best("dog", "a dog in the"), Filters(), "en")
    assert nothing.reason == "no caption passed the filters"
    assert nothing.dropped == {"one word": 1, "ends in a function word": 1}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"captions": 0}, "captions was 0, but must be at least 1"),
        ({"min_confidence": 1.5}, "min-confidence was 1.5, but must be from 0 to 1"),
        ({"min_confidence": float("nan")}, "min-confidence was nan"),
        ({"min_log_prob": 0.5}, "min-log-prob was 0.5, but must be at most 0"),
    ],
)
def test_filters_out_of_range_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Filters(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "candidates"),
    [
        (SearchConfig(), 1),
        (SearchConfig(search="beam", beam_size=7), 7),
        (SearchConfig(search="sample"), 8),
    ],
)
def test_candidates_are_the_whole_beam_or_more_samples(
    config: SearchConfig, candidates: int
) -> None:
    assert with_candidates(config, 4).n_best == candidates


def test_the_signature_has_every_filter_and_the_candidates() -> None:
    plain, search = Filters(), SearchConfig(search="beam")
    others = [
        Filters(captions=2),
        Filters(min_confidence=0.6),
        Filters(min_log_prob=-1.0),
    ]
    assert plain.signature(search) not in [other.signature(search) for other in others]
    assert plain.signature(search) != plain.signature(with_candidates(search, 3))
    assert plain.signature(search) == Filters(min_confidence=0.5).signature(search)
