"""Training on captions without pictures, by simulated concepts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import tushuo
from tests.cli.conftest import call
from tushuo.captioning.caption import Caption
from tushuo.concepts.encoder import PICTURE_STYLE, TEXT_STYLE
from tushuo.concepts.model import ConceptModel
from tushuo.concepts.saved_evidence import SavedEvidence
from tushuo.data import read
from tushuo.data.split import with_splits
from tushuo.errors import SettingError, SignatureError, WeightsError
from tushuo.features.regions import Regions
from tushuo.runs.run import read_split
from tushuo.training.concept_source import concept_regions, text_records
from tushuo.training.loop import Callbacks

TEXT = ["a red ball lies in the sand", "two dogs play on a beach", "a large dog with a ball"]
OPTIONS = {
    "recipe": "concepts",
    "epochs": 2,
    "epoch_steps": 6,
    "batch_size": 60,
    "min_count": 1,
    "precision": "float32",
    "decoder_settings": {"units": 32, "heads": 2},
}


@pytest.fixture(scope="module")
def folder(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("concepts")
    (folder / "text.txt").write_text("\n".join(TEXT * 40))
    store = ("--encoder", "efficientnet_lite0@96", "--output", folder / "store")
    assert call("extract", scenes, *store) == 0
    fit = ("--store", folder / "store", "--text", folder / "text.txt")
    assert call("fit-tags", scenes, *fit, "--output", folder / "model") == 0
    return folder


@pytest.fixture(scope="module")
def train(scenes: Path, folder: Path) -> Callable[..., Path]:
    def train(output: Path, **options: object) -> Path:
        sources = {"store": folder / "store", "concepts": folder / "model"}
        sources["text"] = [folder / "text.txt"]
        return tushuo.train(scenes, output=output, **(OPTIONS | sources | options)).folder

    return train


@pytest.fixture(scope="module")
def run(train: Callable[..., Path], folder: Path) -> Path:
    return train(folder / "run")


def test_a_run_captions_pictures_by_their_concepts(run: Path, scenes: Path) -> None:
    captioner = tushuo.load(run)
    pictures = sorted((scenes / "images").glob("*.jpg"))[:3]
    first, *others = captioner.caption_batch(pictures)
    assert isinstance(first, Caption)
    assert first.attention is not None
    assert first.attention.shape == (len(first.words), 3, 3)
    np.testing.assert_allclose(first.attention.sum((1, 2)), 1, rtol=1e-5)
    assert first.features is not None
    assert len(first.features) == 1280  # of the encoder, not of the concepts
    assert len(others) == 2
    (alone,) = captioner.caption_batch(pictures[:1])
    assert isinstance(alone, Caption)
    assert captioner.caption(pictures[0]).text == alone.text


def test_concepts_of_a_run_are_not_stored(
    run: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("extract", scenes, "--run", run, "--output", tmp_path / "store") == 2
    assert "reads concepts, which are not stored; name the encoder" in capsys.readouterr().err


def test_texts_are_in_no_split(run: Path, scenes: Path) -> None:
    assert set(read_split(run)["train"]) == {
        record.image_id for record in read(scenes) if record.split == "train"
    }
    assert json.loads((run / "run.json").read_bytes())["encoder"]["name"].startswith("concepts:")


def test_a_stopped_training_ends_with_the_same_weights(
    run: Path, train: Callable[..., Path], tmp_path: Path
) -> None:
    calls = 0

    def stop() -> bool:
        nonlocal calls
        calls += 1
        return calls == 4

    train(tmp_path / "again", callbacks=Callbacks(stop=stop))
    train(tmp_path / "again")
    expected, actual = (load_file(f / "best.safetensors") for f in (run, tmp_path / "again"))
    for name, weight in expected.items():
        torch.testing.assert_close(actual[name], weight, rtol=0, atol=0)


def test_a_run_is_rewarded_and_packed(
    run: Path, train: Callable[..., Path], scenes: Path, tmp_path: Path
) -> None:
    choices = {"recipe": "self_critical", "initial_run": run, "min_count": None, "samples": 2}
    options = {name: None for name in ("decoder_settings",)} | choices
    rewarded = train(tmp_path / "rewarded", **options)
    assert call("pack", rewarded, "--output", tmp_path / "packed", "--precision", "int8") == 0
    picture = next((scenes / "images").glob("*.jpg"))
    assert tushuo.load(tmp_path / "packed").caption(picture).words


def test_pictures_and_texts_have_their_styles(folder: Path, scenes: Path) -> None:
    records = with_splits(read(scenes))
    texts = text_records([folder / "text.txt"], "en")
    model, stored = ConceptModel.load(folder / "model"), Regions.from_store(folder / "store")
    regions = concept_regions(folder / "model", model, records, texts, stored)
    picture, text = records[0].image_id, texts[0].image_id
    concepts = regions.read([regions.rows[text], regions.rows[picture], regions.rows[text]])
    words = len(model.settings.words)
    assert (concepts[:, 0, 0] - words).tolist() == [TEXT_STYLE, PICTURE_STYLE, TEXT_STYLE]
    assert (concepts[:, 1:, 1].diff(dim=1) <= 0).all()
    assert not torch.equal(concepts[0], concepts[2])  # drawn anew
    torch.manual_seed(0)
    drawn = regions.read([regions.rows[text]])
    torch.manual_seed(0)
    torch.testing.assert_close(regions.read([regions.rows[text]]), drawn, rtol=0, atol=0)


def test_words_of_a_text_are_found_in_it(folder: Path, scenes: Path, tmp_path: Path) -> None:
    texts = text_records([folder / "text.txt"], "en")
    model, stored = ConceptModel.load(folder / "model"), Regions.from_store(folder / "store")
    records = with_splits(read(scenes))
    dog = model.settings.words.index("dog")
    saved = SavedEvidence.load(folder / "model")
    present = np.zeros(saved.present.shape, bool)
    present[::2, dog] = True
    evidence = np.where(present, np.float32(30), np.float32(0))
    replace(saved, evidence=evidence, present=present).save(tmp_path)
    regions = concept_regions(tmp_path, model, records, texts, stored)
    for number, text in enumerate(TEXT):
        concepts = regions.read([regions.rows[texts[number].image_id]])[0]
        assert (concepts[1, 0] == dog and concepts[1, 1] > 2) == ("dog" in text)


def test_concepts_of_other_training_pictures_are_refused(
    folder: Path, scenes: Path, tmp_path: Path
) -> None:
    model, stored = ConceptModel.load(folder / "model"), Regions.from_store(folder / "store")
    saved = SavedEvidence.load(folder / "model")
    replace(saved, image_ids=["other", *saved.image_ids[1:]]).save(tmp_path)
    with pytest.raises(SettingError, match=r"were not fitted on 1 of the .* training pictures"):
        concept_regions(tmp_path, model, with_splits(read(scenes)), [], stored)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"concepts": None}, SettingError, "requires --concepts, --text and --store"),
        ({"text": None}, SettingError, "requires --concepts, --text and --store"),
        ({"store": None}, SettingError, "requires --concepts, --text and --store"),
        ({"decoder": "show_attend_gru"}, SettingError, "show_attend_gru reads no concepts"),
        ({"concepts": Path("gone")}, WeightsError, "gone holds no concept model"),
        (
            {"decoder_settings": {"concepts": 9}},
            SettingError,
            "concepts was set, but train sets it",
        ),
    ],
)
def test_mistakes_are_named(
    train: Callable[..., Path],
    tmp_path: Path,
    options: dict[str, object],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        train(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_regions_of_another_encoder_are_refused(folder: Path, scenes: Path, tmp_path: Path) -> None:
    store = ("--encoder", "efficientnet_lite0@64", "--output", tmp_path / "other")
    assert call("extract", scenes, *store) == 0
    model, stored = ConceptModel.load(folder / "model"), Regions.from_store(tmp_path / "other")
    with pytest.raises(SignatureError, match="the concept model's encoder"):
        concept_regions(folder / "model", model, read(scenes), [], stored)


def test_missing_evidence_is_named(folder: Path, scenes: Path, tmp_path: Path) -> None:
    model, stored = ConceptModel.load(folder / "model"), Regions.from_store(folder / "store")
    model.save(tmp_path)
    with pytest.raises(WeightsError, match=r"evidence\.npz cannot be read: .*fit-tags"):
        concept_regions(tmp_path, model, read(scenes), [], stored)
