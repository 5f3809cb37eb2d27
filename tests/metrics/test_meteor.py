"""METEOR: the formula on stored counts, and the official program's own scores where it is."""

import shutil
from importlib.util import find_spec

import numpy as np
import pytest

from tushuo.errors import MissingPartError
from tushuo.metrics import meteor
from tushuo.metrics.corpus import Corpus
from tushuo.metrics.meteor import Meteor, counts

# Counts of the official program and the scores that it gave: three pictures, then their total.
COUNTS = [
    "7 7 3 4 2 2 3 3 0 0 0 0 0 0 0 0 1 0 0 1 3 6 6",
    "6 6 4 3 0 0 2 2 0 0 0 0 0 0 0 0 1 2 1 0 1 4 4",
    "0 3 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
    "5 5 2 2 3 3 2 2 0 0 0 0 0 0 0 0 0 0 0 0 1 5 5",
]
SCORES = [0.35138917666010155, 0.2521738577393982, 0.0, 1.0]
WORDS = ("a", "the", "dog", "dogs", "runs", "running", "on", "boat", "ship", "big", "large", "man")
TOTAL = 0.3368699571728451


def test_the_formula_on_stored_counts() -> None:
    statistics = counts(COUNTS)
    assert Meteor().scores(statistics)[:, 0] == pytest.approx(SCORES, abs=1e-12)
    total = Meteor().scores(statistics.sum(axis=0, keepdims=True))
    assert total.item() == pytest.approx(TOTAL, abs=1e-12)


def test_without_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    meteor._program.cache_clear()
    with pytest.raises(MissingPartError, match="install a Java runtime"):
        Meteor().statistics(Corpus([["a"]], [[["a"]]]))


@pytest.mark.skipif(
    find_spec("pycocoevalcap") is None or shutil.which("java") is None,
    reason="wants Java, and pip install 'tushuo[official]'",
)
def test_the_official_program_s_own_scores() -> None:
    from pycocoevalcap.meteor.meteor import Meteor as Official

    draw = np.random.default_rng(0)
    captions = [list(draw.choice(WORDS, draw.integers(0, 9))) for _ in range(60)]
    hypotheses = captions[:20]
    references = [captions[20 + 2 * n : 22 + 2 * n] for n in range(20)]
    meteor._program.cache_clear()
    statistics = Meteor().statistics(Corpus(hypotheses, references))
    total, single = Official().compute_score(
        {n: [" ".join(of) for of in given] for n, given in enumerate(references)},
        {n: [" ".join(of)] for n, of in enumerate(hypotheses)},
    )
    assert Meteor().scores(statistics)[:, 0] == pytest.approx(single, abs=1e-9)
    own = Meteor().scores(statistics.sum(axis=0, keepdims=True)).item()
    assert own == pytest.approx(total, abs=1e-9)
