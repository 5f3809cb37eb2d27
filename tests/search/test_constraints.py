"""What captions must and must not hold, on generated rules; and what is refused."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.scripted import ScriptedDecoder, captions, pictures
from tushuo.errors import SettingError
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import UNK, Vocabulary, VocabularyConfig

WORDS = ["a", "b", "c", "d", "e", "f", "g", "h"]
VOCABULARY = Vocabulary.fit([WORDS], VocabularyConfig()).with_counts([[WORDS[:4]], [WORDS]])
V = len(VOCABULARY)
MODES = {
    "greedy": {},
    "sample": {"n_best": 3},
    "beam": {"beam_size": 3, "n_best": 3},
    "diverse": {"beam_size": 4, "groups": 2, "n_best": 4},
    "consensus": {"beam_size": 3, "n_best": 3, "mbr_samples": 4},
}  # fmt: skip
phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join)


def ends_with(words: list[str], phrase: str) -> bool:
    last = phrase.split()
    return words[len(words) - len(last) :] == last


def holds(words: list[str], phrase: str) -> bool:
    return any(ends_with(words[:end], phrase) for end in range(1, len(words) + 1))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.sampled_from(list(MODES)),
    st.integers(0, 1000),
    st.lists(st.sampled_from(WORDS), max_size=2, unique=True),
    st.lists(phrases, max_size=3),
    st.lists(phrases, max_size=3),
    st.sampled_from([None, 1, 2, 3]),
    st.integers(0, 4),
    st.integers(4, 7),
    st.booleans(),
)
def test_what_is_said_keeps_the_rules(
    mode: str,
    seed: int,
    required_words: list[str],
    never: list[str],
    last: list[str],
    repeat: int | None,
    least: int,
    most: int,
    no_immediate_repeat: bool,
) -> None:
    """Or, with eight words and such rules, the search says that it found nothing."""
    required_words = [
        word for word in required_words if mode in ("beam", "consensus") and word not in never
    ]
    config = SearchConfig(
        search=mode,
        required_words=tuple(required_words),
        banned_words=tuple(never),
        banned_endings=tuple(last),
        no_repeat_ngram=repeat,
        min_words=least,
        max_words=most,
        seed=seed,
        no_immediate_repeat=no_immediate_repeat,
        **MODES[mode],
    )
    decoder = ScriptedDecoder(vocabulary=V, seed=seed)
    try:
        found = search(decoder, pictures(1, 2, 3), config, vocabulary=VOCABULARY)
    except SettingError as error:
        assert "constraints" in str(error)  # noqa: PT017
        assert never or last or repeat
        return
    for hypothesis in (h for of in found for h in of):
        words = VOCABULARY.decode(hypothesis.words)
        assert least <= len(words) <= most
        assert set(required_words) <= set(words) <= set(WORDS)
        assert not any(holds(words, phrase) for phrase in never)
        assert not any(ends_with(words, phrase) for phrase in last)
        if no_immediate_repeat:
            assert all(word != after for word, after in pairwise(words))
        if repeat:
            grams = [tuple(words[n : n + repeat]) for n in range(len(words) - repeat + 1)]
            assert len(grams) == len(set(grams))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.sampled_from(list(MODES)),
    st.integers(0, 1000),
    st.lists(phrases, min_size=1, max_size=3),
    st.integers(1, 4),
)
def test_the_longest_captions_find_an_end_that_is_allowed(
    mode: str, seed: int, last: list[str], most: int
) -> None:
    """Five of the eight words or more may stand there, so nobody has to say that there is none."""
    config = SearchConfig(
        search=mode, banned_endings=tuple(last), min_words=most, max_words=most, **MODES[mode]
    )  # fmt: skip
    decoder = ScriptedDecoder(vocabulary=V, seed=seed)
    found = search(decoder, pictures(1, 2, 3), config, vocabulary=VOCABULARY)
    for words in (VOCABULARY.decode(one.words) for of in found for one in of):
        assert len(words) == most
        assert not any(ends_with(words, phrase) for phrase in last)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.integers(0, 1000),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True),
    st.integers(3, 6),
    st.sampled_from(["beam", "consensus"]),
)
def test_words_that_must_appear_do(
    seed: int, required_words: list[str], most: int, mode: str
) -> None:
    config = SearchConfig(
        search=mode,
        required_words=tuple(required_words),
        beam_size=3,
        n_best=3,
        max_words=most,
        length_norm="sum",
    )
    decoder = ScriptedDecoder(vocabulary=V, seed=seed)
    for found in search(decoder, pictures(1, 2, 3), config, vocabulary=VOCABULARY):
        assert len(found) == 3
        for hypothesis in found:
            assert set(required_words) <= set(VOCABULARY.decode(hypothesis.words))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.sampled_from(["sum", "mean"]))
def test_full_banks_are_brute_force(seed: int, score: str) -> None:
    """Three words, two of which must appear."""
    small = Vocabulary.fit([WORDS[:3]], VocabularyConfig())
    a, b = small.encode(["a", "b"])[1:-1]
    decoder = ScriptedDecoder(vocabulary=len(small), seed=seed)
    fit = [words for words in captions(len(small), 4) if {a, b} <= set(words)]
    config = SearchConfig(
        search="beam",
        required_words=("b", "a"),
        beam_size=121,
        n_best=121,
        max_words=4,
        length_norm=score,
    )
    for name, found in zip(
        (5, 6), search(decoder, pictures(5, 6), config, vocabulary=small), strict=True
    ):
        assert sorted(h.words for h in found) == sorted(fit)
        for hypothesis in found:
            assert hypothesis.log_probs == decoder.told(name, hypothesis.words)
        worth = [h.log_prob / (len(h.log_probs) if score == "mean" else 1) for h in found]
        assert all(first >= second - 1e-6 for first, second in pairwise(worth))


def test_unk_is_said_only_where_asked() -> None:
    decoder = ScriptedDecoder(vocabulary=V)
    decoder.table[:, UNK] = 3.0
    for mode, more in MODES.items():
        for allow_unk in (False, True):
            config = SearchConfig(search=mode, allow_unk=allow_unk, max_words=5, **more)
            (found,) = search(decoder, pictures(1), config, vocabulary=VOCABULARY)
            assert any(UNK in h.words for h in found) == allow_unk


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, "temperature was 0.0"),
        ({"temperature": float("nan")}, "temperature was nan, it must be above 0 and finite"),
        (
            {"diversity_penalty": float("inf")},
            "diversity-penalty was inf, it must be at least 0 and finite",
        ),
        ({"top_p": 1.5}, "top-p was 1.5, it must be above 0 and at most 1"),
        ({"top_k": 0}, "top-k was 0, it must be at least 1"),
        ({"min_words": 5, "max_words": 4}, "min-words was 5, more than max-words, which is 4"),
        ({"n_best": 2}, "greedy decoding gives one caption"),
        ({"search": "beam", "n_best": 6}, "n-best was 6, more than beam-size, which is 5"),
        ({"search": "diverse", "groups": 2}, "beam-size was 5, it must be a multiple of groups"),
        ({"required_words": ("a",)}, "cannot be combined with --search greedy"),
        ({"search": "consensus", "n_best": 6}, "n-best was 6, more than beam-size, which is 5"),
        ({"mbr_samples": 0}, "mbr-samples was 0, it must be at least 1"),
        ({"beam_size": 1001}, "beam-size was 1001, it must be at most 1000"),
        ({"search": "sample", "n_best": 1001}, "n-best was 1001, it must be at most 1000"),
        ({"max_words": 100_000}, "max-words was 100000, it must be at most 1000"),
        ({"mbr_temperature": 0.0}, "mbr-temperature was 0.0"),
        (
            {"search": "beam", "required_words": ("a", "b"), "max_words": 1},
            "required-words names 2 words",
        ),
        (
            {"search": "beam", "required_words": ("a",), "banned_words": ("a",)},
            "a is both required and banned",
        ),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        SearchConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"banned_words": ("a", "bb")}, "'bb' is not in the run's vocabulary \\(closest: b\\)"),
        ({"banned_endings": ("xyz",)}, "'xyz' is not in the run's vocabulary \\(closest: none\\)"),
        (
            {"search": "beam", "required_words": ("a b",)},
            "required-words was 'a b', which is 2 words",
        ),
        ({"search": "beam", "required_words": ("<end>",)}, "<end> is a special token, not a word"),
        ({"banned_words": (" ",)}, "a constraint was an empty word"),
        ({"no_repeat_ngram": 1, "min_words": 9, "max_words": 9}, "exclude every next word"),
        (
            {"search": "beam", "no_repeat_ngram": 1, "min_words": 9, "max_words": 9},
            "no caption was found that satisfies the constraints",
        ),
    ],
)
def test_words_and_rules_that_cannot_be(settings: dict[str, object], message: str) -> None:
    config = SearchConfig(**settings)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match=message):
        search(ScriptedDecoder(vocabulary=V), pictures(1), config, vocabulary=VOCABULARY)


def test_words_want_a_vocabulary() -> None:
    with pytest.raises(SettingError, match="constraint 'a' requires a vocabulary"):
        search(ScriptedDecoder(vocabulary=V), pictures(1), SearchConfig(banned_words=("a",)))


@pytest.mark.parametrize(
    ("settings", "signature"),
    [
        ({"beam_size": 9, "temperature": 0.5, "top_k": 7}, "greedy,max_words=40"),
        (
            {"search": "beam", "required_words": ("a", "b")},
            "beam,beam_size=5,score=mean,max_words=40,must=a+b",
        ),
        (
            {"search": "diverse", "length_norm": "gnmt"},
            "diverse,beam_size=5,score=gnmt,groups=5,strength=0.5,gnmt_alpha=0.6,max_words=40",
        ),
        (
            {"search": "sample", "top_k": 7, "top_p": 0.9, "seed": 3},
            "sample,n_best=1,temperature=1.0,top_k=7,top_p=0.9,seed=3,max_words=40",
        ),
        (
            {"search": "consensus", "genericness_penalty": 0.02},
            "consensus,beam_size=5,score=mean,judges=30,judge_temperature=0.7,stock_penalty=0.02,"
            "max_words=40",
        ),
        (
            {
                "min_words": 2,
                "banned_words": ("a", "b c"),
                "banned_endings": ("d",),
                "no_repeat_ngram": 3,
            }
            | {"no_immediate_repeat": True, "allow_unk": True},
            "greedy,min_words=2,max_words=40,must_not=a+b c,not_last=d,no_repeat=3,no_echo=True,"
            "unk=True",
        ),
        (
            {"search": "consensus", "n_best": 2, "seed": 3, "temperature": 0.5},
            "consensus,beam_size=5,score=mean,judges=30,judge_temperature=0.7,seed=3,max_words=40",
        ),
    ],
)
def test_a_signature_names_what_decides_and_nothing_else(
    settings: dict[str, object], signature: str
) -> None:
    assert SearchConfig(**settings).signature == signature  # type: ignore[arg-type]
