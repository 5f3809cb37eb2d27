"""Results to show: of a tiny run on drawn scenes, and made up for many pictures."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MeanEncoder
from tests.training.test_train import PLAIN, learn
from tushuo.captioning.native import NativeCaptioner
from tushuo.data import Record
from tushuo.evaluation.baselines import baselines
from tushuo.evaluation.captioning import caption_split
from tushuo.evaluation.evaluate import evaluate
from tushuo.evaluation.results import PictureResult, Results, attention_to_bytes, save_results
from tushuo.features.regions import Regions
from tushuo.metrics.deletion import DeletionTest, HiddenShare, LogProbDrop
from tushuo.runs.run import Run
from tushuo.training.loop import Callbacks


@pytest.fixture(scope="session")
def results(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a run that was briefly trained on drawn scenes, and has captioned all of them."""
    folder = tmp_path_factory.mktemp("report")
    regions = Regions.on_the_fly(MeanEncoder(), records)
    learn(records, regions, folder / "run", Callbacks(), replace(PLAIN, epochs=15))
    (folder / "run" / "log.csv").write_text("epoch,train_loss,val_loss\n1,3.0,2.9\n2,2.5,2.6\n")
    captioner = NativeCaptioner(Run.load(folder / "run"), MeanEncoder())
    captions, errors = caption_split(captioner, records, regions)
    assert not errors
    found = evaluate(
        captions,
        records,
        records,
        captioner,
        baselines=baselines(records, records, regions),
    )
    save_results(folder / "tiny", replace(found, split="val"), captions)
    return folder / "tiny"


def deletion_test(signature: str, *, own: float = 0.4) -> DeletionTest:
    """A deletion test that somebody might have made: the deeper, the more is hidden."""

    def fall(mask: str, share: float) -> LogProbDrop:
        value = share * {"own": own, "other": 0.3}.get(mask, 0.1)
        spread = (value - 0.01, value + 0.01)
        less = share * own - value
        won = 0.6 if mask != "own" else 0.0
        return LogProbDrop(
            mask=mask, drop=value, interval=spread, margin=less,
            margin_interval=(less - 0.01, less + 0.01), won=won,
        )  # fmt: skip

    hidden = [
        HiddenShare(
            share=share, words=words, count=count, attention=2 * share,
            drops=tuple(fall(mask, share) for mask in ("own", "other", "moved", "random")),
        )
        for words, count in (("all", 1234), ("content", 567))
        for share in (0.4, 0.2)
    ]  # fmt: skip
    return DeletionTest(signature=signature, pictures=40, fill="mean", hidden=tuple(hidden))


def made_up(count: int, folder: Path, *, caption: str = "a dog runs on the grass") -> Results:
    """Results of any number of pictures; a few files of photographs' size serve for all."""
    draw = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for number in range(12):
        rough = draw.integers(0, 256, (30, 40, 3)).astype(np.uint8)  # as busy as a photograph
        Image.fromarray(rough).resize((500, 375), Image.Resampling.BICUBIC).save(
            folder / f"{number}.jpg"
        )
    words = tuple(caption.split())
    results_by_picture = {
        f"{n:012d}": PictureResult(
            caption=caption,
            references=tuple(f"{caption} number {n} for the {k}th time" for k in range(5)),
            path=str(folder / f"{n % 12}.jpg"),
            words=words,
            log_probs=(-0.5,) * (len(words) + 1),
            attention=attention_to_bytes(draw.random((len(words), 9, 9))),
        )
        for n in range(count)
    }
    names = ["Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr", "CIDEr-D"]
    return Results(
        scores=dict.fromkeys(names, 0.5),
        intervals=dict.fromkeys(names, (0.4, 0.6)),
        images={name: dict.fromkeys(names, float(draw.random())) for name in results_by_picture},
        signature=f"tushuo:0|tokenizer:ptb|images:{count}|references:5|hash:0",
        pictures=results_by_picture,
        run={"encoder": {"rows": 9, "columns": 9, "side": 260, "resize": "squash"}},
    )


class Reader:
    """A page, and everything it complained about or asked for."""

    def __init__(self, page: Any):
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path, *, wait_for: str = "#list .card") -> None:
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(wait_for)

    def asked(self) -> list[str]:
        return [url for url in self.requests if not url.startswith(("data:", "file:"))]


@pytest.fixture
def reader(browser: Any) -> Iterator[Reader]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    found = Reader(page)
    yield found
    assert found.complaints == []
    assert found.asked() == []
    page.close()
