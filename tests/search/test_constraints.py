"""Generated constraints are satisfied, and invalid ones are rejected."""

from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.scripted import ScriptedDecoder, captions, pictures
from tushuo.errors import SettingError
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import END, UNK, Vocabulary, VocabularyConfig

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
    ending = phrase.split()
    return words[len(words) - len(ending) :] == ending


def contains(words: list[str], phrase: str) -> bool:
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
def test_captions_satisfy_the_constraints(
    mode: str,
    seed: int,
    required_words: list[str],
    banned: list[str],
    endings: list[str],
    ngram: int | None,
    min_words: int,
    max_words: int,
    no_immediate_repeat: bool,
) -> None:
    """Or the search reports that no caption of the eight words does."""
    required_words = [
        word for word in required_words if mode in ("beam", "consensus") and word not in banned
    ]
    config = SearchConfig(
        search=mode, required_words=tuple(required_words), banned_words=tuple(banned),
        banned_endings=tuple(endings), no_repeat_ngram=ngram, min_words=min_words,
        max_words=max_words, seed=seed, no_immediate_repeat=no_immediate_repeat, **MODES[mode],
    )  # fmt: skip
    decoder = ScriptedDecoder(vocabulary=V, seed=seed)
    try:
        results = search(decoder, pictures(1, 2, 3), config, vocabulary=VOCABULARY)
    except SettingError as error:
        assert "constraints" in str(error)  # noqa: PT017
        assert banned or endings or ngram
        return
    for hypothesis in chain.from_iterable(results):
        words = VOCABULARY.decode(hypothesis.words)
        assert max(1, min_words) <= len(words) <= max_words
        assert set(required_words) <= set(words) <= set(WORDS)
        assert not any(contains(words, phrase) for phrase in banned)
        assert not any(ends_with(words, phrase) for phrase in endings)
        if no_immediate_repeat:
            assert all(word != after for word, after in pairwise(words))
        if ngram:
            ngrams = [tuple(words[n : n + ngram]) for n in range(len(words) - ngram + 1)]
            assert len(ngrams) == len(set(ngrams))


@pytest.mark.parametrize("mode", MODES)
def test_no_caption_is_empty_however_probable_the_end_is(mode: str) -> None:
    """Nor is one of a diverse search whose groups must avoid the only likely first word."""
    decoder = ScriptedDecoder(vocabulary=V, seed=1)
    decoder.table[:, END] += 20
    decoder.table[:] = decoder.table.log_softmax(-1)
    config = SearchConfig(search=mode, **MODES[mode])
    for hypotheses in search(decoder, pictures(1, 2), config, vocabulary=VOCABULARY):
        assert hypotheses
        assert all(len(one.words) == 1 for one in hypotheses)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.sampled_from(list(MODES)),
    st.integers(0, 1000),
    st.lists(phrases, min_size=1, max_size=3),
    st.integers(1, 4),
)
def test_captions_of_maximum_length_have_an_allowed_ending(
    mode: str, seed: int, endings: list[str], length: int
) -> None:
    """At least five of the eight words are allowed at the end, so a caption always exists."""
    config = SearchConfig(
        search=mode,
        banned_endings=tuple(endings),
        min_words=length,
        max_words=length,
        **MODES[mode],
    )
    decoder = ScriptedDecoder(vocabulary=V, seed=seed)
    results = search(decoder, pictures(1, 2, 3), config, vocabulary=VOCABULARY)
    for words in (VOCABULARY.decode(one.words) for one in chain.from_iterable(results)):
        assert len(words) == length
        assert not any(ends_with(words, phrase) for phrase in endings)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.integers(0, 1000),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True),
    st.integers(3, 6),
    st.sampled_from(["beam", "consensus"]),
)
def test_required_words_occur(
    seed: int, required_words: list[str], max_words: int, mode: str
) -> None:
    config = SearchConfig(
        search=mode, required_words=tuple(required_words), beam_size=3, n_best=3,
        max_words=max_words, length_norm="sum",
    )  # fmt: skip
    decoder = ScriptedDecoder(vocabulary=V, seed=seed)
    for hypotheses in search(decoder, pictures(1, 2, 3), config, vocabulary=VOCABULARY):
        assert len(hypotheses) == 3
        for hypothesis in hypotheses:
            assert set(required_words) <= set(VOCABULARY.decode(hypothesis.words))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.sampled_from(["sum", "mean"]))
def test_banks_as_wide_as_all_captions_equal_brute_force(seed: int, length_norm: str) -> None:
    """Three words, two of which are required."""
    vocabulary = Vocabulary.fit([WORDS[:3]], VocabularyConfig())
    a, b = vocabulary.encode(["a", "b"])[1:-1]
    decoder = ScriptedDecoder(vocabulary=len(vocabulary), seed=seed)
    expected = [words for words in captions(len(vocabulary), 4) if {a, b} <= set(words)]
    config = SearchConfig(
        search="beam",
        required_words=("b", "a"),
        beam_size=121,
        n_best=121,
        max_words=4,
        length_norm=length_norm,
    )
    for name, hypotheses in zip(
        (5, 6), search(decoder, pictures(5, 6), config, vocabulary=vocabulary), strict=True
    ):
        assert sorted(h.words for h in hypotheses) == sorted(expected)
        for hypothesis in hypotheses:
            assert hypothesis.log_probs == decoder.log_probs(name, hypothesis.words)
        divisors = [len(h.log_probs) if length_norm == "mean" else 1 for h in hypotheses]
        ranks = [h.log_prob / n for h, n in zip(hypotheses, divisors, strict=True)]
        assert all(first >= second - 1e-6 for first, second in pairwise(ranks))


def test_unk_occurs_only_where_allowed() -> None:
    decoder = ScriptedDecoder(vocabulary=V)
    decoder.table[:, UNK] = 3.0
    for mode, more in MODES.items():
        for allow_unk in (False, True):
            config = SearchConfig(search=mode, allow_unk=allow_unk, max_words=5, **more)
            (hypotheses,) = search(decoder, pictures(1), config, vocabulary=VOCABULARY)
            assert any(UNK in h.words for h in hypotheses) == allow_unk


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, "temperature was 0.0"),
        ({"temperature": float("nan")}, "temperature was nan, but must be above 0 and finite"),
        (
            {"diversity_penalty": float("inf")},
            "diversity-penalty was inf, but must be at least 0 and finite",
        ),
        ({"top_p": 1.5}, "top-p was 1.5, but must be above 0 and at most 1"),
        ({"top_k": 0}, "top-k was 0, but must be at least 1"),
        ({"min_words": 5, "max_words": 4}, "min-words was 5, more than max-words, which is 4"),
        ({"n_best": 2}, "greedy decoding gives one caption"),
        ({"search": "beam", "n_best": 6}, "n-best was 6, more than beam-size, which is 5"),
        ({"search": "diverse", "groups": 2}, "beam-size was 5, but must be a multiple of groups"),
        ({"required_words": ("a",)}, "cannot be combined with --search greedy"),
        ({"search": "consensus", "n_best": 6}, "n-best was 6, more than beam-size, which is 5"),
        ({"mbr_samples": 0}, "mbr-samples was 0, but must be at least 1"),
        ({"beam_size": 1001}, "beam-size was 1001, but must be at most 1000"),
        ({"search": "sample", "n_best": 1001}, "n-best was 1001, but must be at most 1000"),
        ({"max_words": 100_000}, "max-words was 100000, but must be at most 1000"),
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
def test_invalid_settings_are_rejected(settings: dict[str, object], message: str) -> None:
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
            "without a caption that satisfies the constraints",
        ),
    ],
)
def test_invalid_constraints_are_rejected(settings: dict[str, object], message: str) -> None:
    config = SearchConfig(**settings)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match=message):
        search(ScriptedDecoder(vocabulary=V), pictures(1), config, vocabulary=VOCABULARY)


def test_constraints_require_a_vocabulary() -> None:
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
def test_a_signature_lists_the_settings_that_influence_the_captions(
    settings: dict[str, object], signature: str
) -> None:
    assert SearchConfig(**settings).signature == signature  # type: ignore[arg-type]
