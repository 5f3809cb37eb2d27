"""Scores by tiny CLIP and SigLIP models made here, beside the formula on the library's vectors."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.cli.conftest import call
from tests.encoders.two_towers import save_model, transformers
from tushuo.data.record import Record
from tushuo.encoders.clip import load
from tushuo.encoders.resize import resize
from tushuo.errors import DataError, MissingPartError, WeightsError
from tushuo.evaluation.baselines import baselines
from tushuo.evaluation.clip import Clip, embed_pictures
from tushuo.evaluation.evaluate import Scoring, score_records
from tushuo.metrics.clipscore import ClipScore, SiglipCosine
from tushuo.metrics.corpus import Corpus
from tushuo.pictures.pixels import to_pixels

SAID = {"1": "a red dog", "2": "two boats on the sea"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "clip", "clip")


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "siglip", "siglip")


@pytest.fixture
def pictures(tmp_path: Path) -> list[Record]:
    draw = np.random.default_rng(0)
    captions = {1: ("a dog", "the red dog runs"), 2: ("boats", "a " * 60)}
    for name in captions:
        pixels = draw.integers(0, 255, (48, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    return [
        Record(image_id=name, path=tmp_path / f"{name}.png", captions=of)
        for name, of in captions.items()
    ]


def test_the_formula() -> None:
    metric = ClipScore(
        pictures=np.array([0.3, -0.2, 0.4, 0.0]), references=np.array([0.9, 0.5, -0.1, 0.0])
    )
    found = metric.statistics(Corpus([["a"]] * 4, [[["a"]]] * 4))
    harmonic = 2 * 0.75 * 0.9 / (0.75 + 0.9)
    assert found == pytest.approx(np.array([[0.75, harmonic], [0, 0], [1, 0], [0, 0]]))


def test_equal_to_the_library_s_own_vectors(model: Path, pictures: list[Record]) -> None:
    found = score_records(SAID, pictures, Scoring(clip=embed_pictures(load(model), pictures)))
    library = transformers.CLIPModel.from_pretrained(model).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    processor = transformers.AutoImageProcessor.from_pretrained(model, use_fast=False)

    def vectors(captions: list[str]) -> torch.Tensor:
        prompted = [f"A photo depicts {one}" for one in captions]
        words = tokenizer(
            prompted, padding=True, truncation=True, max_length=40, return_tensors="pt"
        )
        return library.get_text_features(**words).pooler_output

    for record in pictures:
        name = str(record.image_id)
        pixels = processor(images=Image.open(record.path), return_tensors="pt")
        with torch.inference_mode():
            seen = library.get_image_features(**pixels).pooler_output
            own, theirs = vectors([SAID[name]]), vectors(list(record.captions))
        score = 2.5 * max(torch.cosine_similarity(seen, own).item(), 0)
        alike = max(torch.cosine_similarity(theirs, own).max().item(), 0)
        assert found.images[name]["CLIPScore"] == pytest.approx(score, abs=0.01)  # resampling
        given = found.images[name]["CLIPScore"] or 0.0
        harmonic = 2 * given * alike / (given + alike) if given + alike else 0
        assert found.images[name]["RefCLIPScore"] == pytest.approx(harmonic, abs=1e-5)
    assert len(found.signature.split("|clip:")[1]) == 16
    low, high = found.intervals["CLIPScore"] or (1.0, 0.0)
    assert low <= (found.scores["CLIPScore"] or 0.0) <= high


def test_siglip_s_cosines_have_their_own_names(siglip: Path, pictures: list[Record]) -> None:
    encoder = load(siglip)
    found = score_records(SAID, pictures, Scoring(clip=embed_pictures(encoder, pictures)))
    assert not {"CLIPScore", "RefCLIPScore"} & set(found.scores)
    assert found.signature.endswith(f"|siglip:{encoder.spec.weights}")
    for record in pictures:
        name = str(record.image_id)
        square = resize(to_pixels(record.path), encoder.spec)
        own, theirs = encoder.captions([SAID[name]])[0], encoder.captions(record.captions)
        cosine = float(encoder(square[None])[0, 0] @ own)  # of the plain caption, without a prompt
        assert found.images[name]["SigLIPCosine"] == pytest.approx(cosine, abs=1e-5)
        alike = float((theirs @ own).max())
        assert found.images[name]["RefSigLIPCosine"] == pytest.approx(alike, abs=1e-5)


def test_negative_cosines_stay() -> None:
    metric = SiglipCosine(pictures=np.array([0.1, -0.2]), references=np.array([0.9, -0.5]))
    found = metric.scores(metric.statistics(Corpus([["a"]] * 2, [[["a"]]] * 2)))
    assert found == pytest.approx(np.array([[0.1, 0.9], [-0.2, -0.5]]))


def test_baselines_have_it_too(model: Path, pictures: list[Record]) -> None:
    found = baselines(pictures, pictures, None, Scoring(clip=embed_pictures(load(model), pictures)))
    assert set(found) == {"frequent", "person"}
    assert all("RefCLIPScore" in of.scores for of in found.values())


def test_a_batch_gives_what_singles_give(model: Path, pictures: list[Record]) -> None:
    clip = embed_pictures(load(model), pictures)
    references = {str(r.image_id): r.captions for r in pictures}
    both = clip(SAID, references)
    rounding = 32 * 2**-24  # some eight products of matrices in a row, on the way to a cosine
    for place, name in enumerate(SAID):
        alone = Clip(clip._encoder, clip.pictures)({name: SAID[name]}, {name: references[name]})
        assert alone.pictures[0] == pytest.approx(both.pictures[place], abs=rounding)
        assert alone.references[0] == pytest.approx(both.references[place], abs=rounding)


def test_missing_parts_are_named(
    model: Path, pictures: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WeightsError, match="no such folder; name the folder of a model"):
        load(tmp_path / "gone")
    with pytest.raises(WeightsError, match=r"model\.safetensors, preprocessor_config\.json"):
        load(tmp_path)
    pictures[1].path.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"1 of 2 cannot be opened: .* is not a picture"):
        embed_pictures(load(model), pictures)
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingPartError, match="CLIP and SigLIP models require transformers"):
        load(model)


def test_the_command(
    model: Path, run: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pycocoevalcap", reason="requires pip install 'tushuo[official]'")
    arguments = ("evaluate", scenes, "--run", run, "--store", run.parent / "store")
    assert call(*arguments, "--meteor", "--clip", model, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    expected = {"METEOR", "CLIPScore", "RefCLIPScore"}
    assert expected <= set(found["scores"])
    assert expected <= set(found["baselines"]["neighbour"])
    assert "|meteor:1.5-python|clip:" in found["signature"]
    assert call(*arguments, "--clip", run) == 2
    printed = capsys.readouterr().err
    assert "cannot be opened as a CLIP or SigLIP model" in printed
    assert "caption 100%" not in printed  # refused before the pictures are captioned


@pytest.fixture
def files(pictures: list[Record], tmp_path: Path) -> tuple[object, ...]:
    references, hypotheses = tmp_path / "references.json", tmp_path / "hypotheses.json"
    references.write_text(json.dumps({str(r.image_id): r.captions for r in pictures}))
    hypotheses.write_text(json.dumps(SAID))
    return ("score", "--references", references, "--hypotheses", hypotheses, "--no-meteor")


@pytest.mark.parametrize("name", ["CLIPScore", "SigLIPCosine"])
def test_captions_of_any_tool(
    name: str,
    model: Path,
    siglip: Path,
    pictures: list[Record],
    files: tuple[object, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = model if name == "CLIPScore" else siglip
    scoring = Scoring(clip=embed_pictures(load(folder), pictures))
    expected = score_records(SAID, pictures, scoring)
    capsys.readouterr()
    assert call(*files, "--clip", folder, "--images", tmp_path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {key: row[name] for key, row in found["images"].items()} == pytest.approx(
        {key: row[name] for key, row in expected.images.items()}
    )
    assert found["signature"].rpartition("|")[2] == expected.signature.rpartition("|")[2]
    assert call(*files, "--clip", f"hf:{folder}", "--images", tmp_path) == 0
    assert f"Ref{name} " in capsys.readouterr().out


def test_mistakes_of_score_are_named(
    model: Path,
    files: tuple[object, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    for options, message in [
        (("--clip", model), "name their folder by --images"),
        (("--images", tmp_path), "has no use without --clip"),
        (("--clip", model, "--images", tmp_path / "gone"), "gone is no folder"),
        (("--clip", model, "--images", tmp_path / "empty"), "has no picture for 2 pictures (1, 2)"),
        (("--clip", tmp_path / "gone", "--images", tmp_path), "no such folder"),
    ]:
        assert call(*files, *options) == 2
        assert message in capsys.readouterr().err


def test_pictures_are_encoded_on_the_device(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tushuo.encoders.clip.require_device", torch.device)
    encoder = load(model, device="meta")
    assert encoder.spec == load(model).spec
    regions = encoder(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    assert (regions.device.type, regions.shape) == ("meta", (2, 1, 16))


@pytest.mark.gpu
def test_gpu_vectors_equal_those_of_the_cpu(model: Path) -> None:
    cpu, gpu = load(model), load(model, device=str(torch.accelerator.current_accelerator()))
    pixels = torch.arange(2 * 3 * 32 * 32).remainder(251).byte().view(2, 3, 32, 32)
    captions = ["a red dog", "two boats on the sea"]
    torch.testing.assert_close(gpu(pixels).cpu(), cpu(pixels), rtol=0, atol=1e-4)
    torch.testing.assert_close(
        gpu.captions(captions).cpu(), cpu.captions(captions), rtol=0, atol=1e-4
    )
