"""The runs of an ensemble have the same words and the same encoder."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import MeanEncoder
from tests.training.test_train import ONCE, learn
from tushuo.data import Record
from tushuo.decoders.ensemble import Ensemble
from tushuo.errors import SignatureError
from tushuo.features.regions import Regions
from tushuo.runs.ensemble import ensemble
from tushuo.runs.run import Run
from tushuo.training.loop import Callbacks


@pytest.fixture(scope="module")
def run(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("together") / "run"
    learn(records, Regions.on_the_fly(MeanEncoder(), records), folder, Callbacks(), ONCE)
    return Run.load(folder)


def test_one_stays_what_it_is_and_several_are_named_together(run: Run) -> None:
    assert ensemble([run]) is run
    both = ensemble([run, replace(run, config=replace(run.config, decoder="transformer"))])
    assert isinstance(both.decoder, Ensemble)
    assert both.config.decoder == "show_attend_gru+transformer"
    assert both.config.signature != run.config.signature


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"vocabulary": "0123456789abcdef"}, r"differ in vocabulary: \w+ against 0123456789abcdef"),
        ({"tokenizer": "characters"}, "differ in words: words against characters"),
        ({"encoder": replace(MeanEncoder.spec, side=64)}, "differ in encoder: .*side=64"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_runs_of_other_words_or_of_another_encoder_are_refused(
    run: Run, other: dict[str, Any], message: str
) -> None:
    with pytest.raises(SignatureError, match=message):
        ensemble([run, replace(run, config=replace(run.config, **other))])
