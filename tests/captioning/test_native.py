"""Our captioner: any form of a picture in, one caption or one error out, from any thread."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import MeanEncoder
from tests.training.test_train import PLAIN, learn
from tushuo.captioning.caption import Caption, PartialCaption
from tushuo.captioning.captioner import Captioner
from tushuo.captioning.native import NativeCaptioner
from tushuo.captioning.picture_regions import PictureRegions
from tushuo.data import Record
from tushuo.errors import PictureError, SettingError, SignatureError, StoppedError
from tushuo.features.regions import Regions
from tushuo.pictures.pixels import to_pixels
from tushuo.runs.run import Run
from tushuo.search.config import SearchConfig
from tushuo.training.loop import Callbacks

SEARCHES = {
    "greedy": {},
    "sample": {"n_best": 3},
    "beam": {"n_best": 2},
    "diverse": {"n_best": 2},
    "consensus": {"mbr_samples": 4},
}


@pytest.fixture(scope="module")
def captioner(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> NativeCaptioner:
    folder = tmp_path_factory.mktemp("native") / "run"
    regions = Regions.on_the_fly(MeanEncoder(), records)
    learn(records, regions, folder, Callbacks(), replace(PLAIN, epochs=3))
    return NativeCaptioner(Run.load(folder), MeanEncoder())


@pytest.fixture(params=SEARCHES)
def config(request: pytest.FixtureRequest) -> SearchConfig:
    return SearchConfig(search=request.param, max_words=12, **SEARCHES[request.param])


def test_it_follows_the_protocol(captioner: NativeCaptioner) -> None:
    assert isinstance(captioner, Captioner)
    info = captioner.info
    assert (info.language, info.device, info.has_attention) == ("en", "cpu", True)
    assert (info.has_confidence, info.has_familiarity) == (False, False)
    assert info.encoder == MeanEncoder.spec.signature
    assert captioner.signature().endswith(f"|search:{info.search.signature}")
    assert f"weights:{info.weights}|" in captioner.signature()


def test_a_bad_picture_does_not_fail_its_batch(
    captioner: NativeCaptioner, records: list[Record], config: SearchConfig
) -> None:
    pixels = to_pixels(records[1].path)
    batch = [
        records[0].path,
        b"no picture",
        pixels,
        pixels.astype(np.int64),
        Image.new("L", (9, 9)),
    ]
    first, broken, second, wrong, grey = captioner.caption_batch(batch, config=config)
    assert isinstance(broken, PictureError)
    assert isinstance(wrong, PictureError)
    for caption, picture in ((first, batch[0]), (second, batch[2]), (grey, batch[4])):
        assert isinstance(caption, Caption)
        single = captioner.caption(picture, config=config)
        assert caption.text == single.text
        assert caption.log_probs == pytest.approx(single.log_probs, abs=1e-4)
    assert captioner.caption_batch([], config=config) == []
    assert [type(one) for one in captioner.caption_batch([b""], config=config)] == [PictureError]
    with pytest.raises(PictureError, match="is not a picture"):
        captioner.caption(b"no picture", config=config)


def test_every_form_of_a_picture_gets_the_same_caption(
    captioner: NativeCaptioner, records: list[Record]
) -> None:
    path = records[0].path
    pixels = to_pixels(path)
    forms = [
        path, str(path), path.read_bytes(), Image.fromarray(pixels), pixels,
        pixels.transpose(2, 0, 1), torch.from_numpy(pixels), pixels / np.float32(255),
    ]  # fmt: skip
    captions = captioner.caption_batch(forms)
    assert len({caption.text for caption in captions if isinstance(caption, Caption)}) == 1
    (encoded,) = captioner.encode([path])
    assert isinstance(encoded, PictureRegions)
    assert captioner.caption_batch([encoded])[0].text == captions[0].text  # type: ignore[union-attr]


def test_streaming_ends_with_the_caption(
    captioner: NativeCaptioner, records: list[Record], config: SearchConfig
) -> None:
    *partial, caption = captioner.stream(records[0].path, config=config)
    assert isinstance(caption, Caption)
    assert caption.text == captioner.caption(records[0].path, config=config).text
    assert all(isinstance(one, PartialCaption) for one in partial)
    assert len(partial) >= len(caption.words)
    if config.search in ("greedy", "sample"):
        assert [len(one.words) for one in partial] == list(range(1, len(caption.words) + 1))
        assert all(one.words == caption.words[: len(one.words)] for one in partial)


@pytest.mark.parametrize("single", ["photo.jpg", b"bytes"])
def test_a_single_picture_is_no_batch(captioner: NativeCaptioner, single: object) -> None:
    with pytest.raises(SettingError, match="pass a list of pictures, or one picture to caption"):
        captioner.caption_batch(single)  # type: ignore[arg-type]
    assert captioner.caption_batch([]) == []


def test_an_explanation_lists_at_least_one_word(captioner: NativeCaptioner) -> None:
    with pytest.raises(SettingError, match="top_words was 0, but must be at least 1"):
        captioner.explain(np.zeros((9, 9, 3), np.uint8), top_words=0)


def test_a_stream_can_be_closed(captioner: NativeCaptioner, records: list[Record]) -> None:
    stream = captioner.stream(records[0].path)
    assert isinstance(next(stream), PartialCaption)
    stream.close()  # type: ignore[attr-defined]
    assert not torch.is_inference_mode_enabled()
    with pytest.raises(PictureError):
        next(captioner.stream(b"no picture"))


def test_stop_cancels_between_two_steps(
    captioner: NativeCaptioner, records: list[Record], config: SearchConfig
) -> None:
    asked = iter([False, False, False, True])  # opening, encoding, and two steps
    with pytest.raises(StoppedError, match="cancelled between two decoding steps"):
        captioner.caption(records[0].path, config=config, stop=lambda: next(asked))
    assert next(asked, None) is None  # it was not asked again
    assert captioner.caption(records[0].path, config=config, stop=lambda: False).text


@pytest.mark.parametrize("calls", [0, 2, 3])
def test_stop_cancels_before_each_picture_and_before_the_encoder(
    captioner: NativeCaptioner,
    records: list[Record],
    calls: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[Path] = []

    def to_pixels_counted(path: Path, **options: int) -> np.ndarray:
        opened.append(path)
        return to_pixels(path, **options)

    monkeypatch.setattr("tushuo.captioning.picture_regions.to_pixels", to_pixels_counted)
    asked = iter([False] * calls + [True])
    paths = [record.path for record in records[:3]]
    with pytest.raises(StoppedError, match="cancelled by its caller before pictures were encoded"):
        captioner.caption_batch(paths, stop=lambda: next(asked))
    assert opened == paths[:calls]


def test_eight_threads_give_the_captions_of_one(
    captioner: NativeCaptioner, records: list[Record], config: SearchConfig
) -> None:
    paths = [record.path for record in records[:16]]
    expected = [captioner.caption(path, config=config).text for path in paths]
    with ThreadPoolExecutor(8) as pool:
        captions = pool.map(lambda path: captioner.caption(path, config=config).text, paths * 3)
        assert list(captions) == expected * 3


def test_an_explanation_lists_the_chosen_words_of_a_greedy_caption(
    captioner: NativeCaptioner, records: list[Record]
) -> None:
    greedy = SearchConfig(search="greedy")
    explanation = captioner.explain(records[0].path, config=greedy, top_words=3)
    words = [*explanation.caption.words, "<end>"]
    assert [len(step) for step in explanation.steps] == [3] * len(words)
    for step, word, log_prob in zip(
        explanation.steps, words, explanation.caption.log_probs, strict=True
    ):
        probabilities = [candidate.probability for candidate in step]
        assert probabilities == sorted(probabilities, reverse=True)
        (chosen,) = [one.probability for one in step if one.word == word]
        assert np.log(chosen) == pytest.approx(log_prob, abs=1e-4)


def test_token_log_probs_are_those_of_the_caption(
    captioner: NativeCaptioner, records: list[Record]
) -> None:
    encoded = captioner.encode([record.path for record in records[:3]])
    regions = torch.stack([one.regions for one in encoded if isinstance(one, PictureRegions)])
    captions = captioner.caption_regions(regions)
    words = [caption.words for caption in captions]
    for values, caption in zip(captioner.token_log_probs(regions, words), captions, strict=True):
        assert values == pytest.approx(caption.log_probs, abs=1e-4)
    first = captions[0].words
    (last,) = captioner.next_word_log_probs(regions[:1], [first[:-1]], [first[-1]])
    assert last == pytest.approx(captions[0].log_probs[len(first) - 1], abs=1e-4)


def test_features_compare_pictures(captioner: NativeCaptioner, records: list[Record]) -> None:
    black, red = (np.full((9, 9, 3), colour, np.uint8) for colour in ((0, 0, 9), (200, 0, 0)))
    first, again, other = (captioner.caption(one).features for one in (black, black, red))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first @ again == pytest.approx(1)
    assert first @ other < 0.9


def test_regions_of_another_encoder_are_refused(
    captioner: NativeCaptioner, records: list[Record]
) -> None:
    regions = captioner.regions_of(records[:2], None)
    other = replace(regions, spec=replace(regions.spec, weights="other"))
    with pytest.raises(SignatureError, match="the run's encoder and the store's"):
        captioner.require_regions(other)


def test_a_store_and_pictures_give_the_same_captions(
    captioner: NativeCaptioner, records: list[Record], tmp_path: Path
) -> None:
    from tushuo.evaluation.captioning import caption_split
    from tushuo.features.extract import extract

    extract(records, MeanEncoder(), tmp_path)
    stored = captioner.regions_of(records, tmp_path)
    from_store, _ = caption_split(captioner, records, stored)
    from_pictures, errors = caption_split(captioner, records)
    assert not errors
    same = [from_store[name].caption == result.caption for name, result in from_pictures.items()]
    assert np.mean(same) > 0.9  # a store keeps half precision
