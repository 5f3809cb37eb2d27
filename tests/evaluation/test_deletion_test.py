"""The deletion test on a decoder that looks where its words come from, and on one that does not."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.conftest import MeanEncoder
from tests.training.test_train import PLAIN, learn
from tushuo.captioning.native import NativeCaptioner
from tushuo.data import Record
from tushuo.decoders.base import Decoder, Step
from tushuo.errors import DataError, SettingError
from tushuo.evaluation.deletion_test import MASKS, deletion_test
from tushuo.features.regions import Regions
from tushuo.metrics.caption_diagnostics import FUNCTION_WORDS
from tushuo.metrics.deletion import DeletionTest
from tushuo.report.deletion_test import draw_deletion_test
from tushuo.runs.run import Run
from tushuo.text.vocabulary import END
from tushuo.training.loop import Callbacks

WORDS = 4


@dataclass(frozen=True)
class Seen:
    regions: Tensor
    emitted: Tensor

    def select(self, rows: Tensor) -> "Seen":
        return Seen(self.regions[rows], self.emitted[rows])


class Pointing(Decoder):
    """Says four words; each is the likelier the brighter the region is that it comes from.

    An honest one looks at that region, another one at a region that it does not use.
    """

    def __init__(self, *, vocabulary: int, honest: bool):
        super().__init__()
        self.vocabulary, self.honest = vocabulary, honest

    def start(self, regions: Tensor) -> Seen:
        return Seen(regions, torch.zeros(len(regions), dtype=torch.long))

    def step(self, words: Tensor, state: Seen) -> Step:  # type: ignore[override]
        B, R, _ = state.regions.shape
        place = state.emitted * 3 % R
        bright = state.regions[torch.arange(B), place].mean(dim=1)
        logits = torch.zeros(B, self.vocabulary)
        target = torch.where(state.emitted < WORDS, 4 + state.emitted, torch.tensor(END))
        logits[torch.arange(B), target] = 6 + 4 * bright
        looked = torch.full((B, R), 0.1 / R)
        looked[torch.arange(B), place if self.honest else (place + 1) % R] += 0.9
        return Step(logits.double().log_softmax(-1), looked, Seen(state.regions, state.emitted + 1))

    def forward(self, regions: Tensor, words: object, pictures: Tensor) -> Tensor:
        raise NotImplementedError


@pytest.fixture(scope="module")
def run(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("evidence") / "run"
    regions = Regions.on_the_fly(MeanEncoder(), records)
    learn(records, regions, folder, Callbacks(), replace(PLAIN, epochs=1))
    return Run.load(folder)


def outcome(run: Run, records: list[Record], decoder: Decoder, **how: object) -> DeletionTest:
    captioner = NativeCaptioner(replace(run, decoder=decoder), MeanEncoder())
    regions = Regions.on_the_fly(MeanEncoder(), records)
    return deletion_test(captioner, records, regions, **how)  # type: ignore[arg-type]


def test_hiding_what_an_honest_decoder_looked_at_hurts_most(
    run: Run, records: list[Record]
) -> None:
    decoder = Pointing(vocabulary=len(run.vocabulary), honest=True)
    found = outcome(run, records, decoder, shares=(0.05,), fill="zero")
    part = found.hidden[0]
    own, *others = part.drops
    assert (found.pictures, part.count) == (40, 160)
    assert part.attention == pytest.approx(0.9 + 0.1 / 16)
    assert own.interval[0] > 0
    assert all(one.margin_interval[0] > 0 for one in others)
    assert others[0].drop == pytest.approx(0, abs=1e-6)  # no two words look at the same region
    assert others[1].won > 0.9  # moved


def test_maps_of_a_decoder_that_looks_elsewhere_are_found_out(
    run: Run, records: list[Record]
) -> None:
    decoder = Pointing(vocabulary=len(run.vocabulary), honest=False)
    own, *_ = outcome(run, records, decoder, shares=(0.05,), fill="zero").hidden[0].drops
    assert own.drop == pytest.approx(0, abs=1e-6)


def test_function_words_alone_make_no_second_part(
    run: Run, records: list[Record], tmp_path: Path
) -> None:
    decoder = Pointing(vocabulary=len(run.vocabulary), honest=True)
    found = outcome(run, records[:3], decoder, shares=(0.1, 0.3))
    caption_words = run.vocabulary.words[4 : 4 + WORDS]
    kinds = {"all"} if FUNCTION_WORDS.issuperset(caption_words) else {"all", "content"}
    assert {part.words for part in found.hidden} == kinds
    draw_deletion_test(found.hidden, tmp_path / "e.png")


@pytest.mark.parametrize("name", MASKS)
def test_masks_are_of_one_size_and_repeat(name: str) -> None:
    looked = torch.rand(5, 12, generator=torch.Generator().manual_seed(1))
    made = [MASKS[name](looked, 3, (3, 4), torch.Generator().manual_seed(2)) for _ in range(2)]
    assert torch.equal(*made)
    assert made[0].sum(dim=1).tolist() == [3] * 5
    if name != "own":
        assert not torch.equal(made[0], MASKS["own"](looked, 3, (3, 4), torch.Generator()))


def test_a_trained_decoder_and_its_figure(run: Run, records: list[Record], tmp_path: Path) -> None:
    found = outcome(run, records[:6], run.decoder)
    assert [(part.words, part.share) for part in found.hidden[:4]] == [
        ("all", 0.05), ("all", 0.1), ("all", 0.2), ("all", 0.4)
    ]  # fmt: skip
    draw_deletion_test(found.hidden, tmp_path / "e.png")
    assert Image.open(tmp_path / "e.png").width > 1000


def test_what_cannot_be_tested_is_refused(run: Run, records: list[Record]) -> None:
    with pytest.raises(SettingError, match="but each must be above 0 and below 1"):
        outcome(run, records[:2], run.decoder, shares=(1.5,))
    with pytest.raises(DataError, match="no caption has two words"):
        outcome(run, [replace(one, captions=()) for one in records[:2]], run.decoder)
