"""Tiny CLIP and SigLIP models made here, beside the library's own embeddings."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.encoders.two_towers import KINDS, MAX_TOKENS, Kind, save_model, transformers
from tushuo.encoders.clip import ClipEncoder, load
from tushuo.encoders.resize import resize
from tushuo.errors import WeightsError
from tushuo.pictures.pixels import to_pixels

CAPTIONS = ["a Red dog", "two boats on the sea"]
ROUNDING = 32 * 2**-24  # some eight products of matrices in a row, on the way to a cosine


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {kind: save_model(root / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def encoders(folders: dict[str, Path]) -> dict[str, ClipEncoder]:
    return {kind: load(folder) for kind, folder in folders.items()}


def picture() -> Image.Image:
    colours = np.random.default_rng(0).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((48, 48), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("kind", KINDS)
def test_cosines_and_logits_equal_the_library_s(
    kind: Kind, folders: dict[str, Path], encoders: dict[str, ClipEncoder]
) -> None:
    folder, encoder = folders[kind], encoders[kind]
    library = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    processor = transformers.AutoImageProcessor.from_pretrained(folder, use_fast=False)
    texts = [text.lower() for text in CAPTIONS]
    padding: Any = True if kind == "clip" else "max_length"
    inputs = tokenizer(texts, padding=padding, max_length=MAX_TOKENS, return_tensors="pt")
    inputs |= processor(images=picture(), return_tensors="pt")
    with torch.inference_mode():
        expected = library(**inputs)
    embeddings = encoder.captions(CAPTIONS)
    torch.testing.assert_close(embeddings, expected.text_embeds, rtol=0, atol=1e-5)
    square = resize(to_pixels(picture(), at_least=encoder.spec.short_side), encoder.spec)[None]
    cosines = encoder(square)[:, 0] @ embeddings.T
    logits = encoder.scale * cosines + encoder.bias
    # Resizing by torch instead of Pillow rounds pixels in another way.
    torch.testing.assert_close(logits, expected.logits_per_image, rtol=0, atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_what_singles_give(kind: Kind, encoders: dict[str, ClipEncoder]) -> None:
    encoder = encoders[kind]
    pixels = torch.arange(2 * 3 * 32 * 32).remainder(251).byte().view(2, 3, 32, 32)
    alone = torch.cat([encoder(one[None]) for one in pixels])
    torch.testing.assert_close(encoder(pixels), alone, rtol=0, atol=ROUNDING)
    each = torch.cat([encoder.captions([one]) for one in CAPTIONS])
    torch.testing.assert_close(encoder.captions(CAPTIONS), each, rtol=0, atol=ROUNDING)


def test_the_models_of_a_family(encoders: dict[str, ClipEncoder]) -> None:
    assert {kind: one.family for kind, one in encoders.items()} == {
        "clip": "clip", "siglip": "siglip", "siglip2": "siglip",
    }  # fmt: skip
    assert encoders["clip"].bias == 0
    assert encoders["siglip"].bias == -2
    assert encoders["clip"].unknown_token is None  # that of its end stands for it
    assert encoders["siglip"].unknown_token in encoders["siglip"].token_ids("狗")
    assert encoders["siglip2"].spec.side == 32  # 16 patches


def copy(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


def test_what_is_no_such_model_is_refused_by_name(folders: dict[str, Path], tmp_path: Path) -> None:
    config = transformers.CLIPConfig.from_pretrained(folders["clip"])
    tower = copy(folders["clip"], tmp_path / "tower")
    transformers.CLIPVisionModel(config.vision_config).save_pretrained(tower)
    with pytest.raises(WeightsError, match="type clip_vision_model does not have both a picture"):
        load(tower)
    other = copy(folders["clip"], tmp_path / "other")
    (other / "config.json").write_text('{"model_type": "clipseg"}')
    with pytest.raises(WeightsError, match="its model type clipseg is neither of them"):
        load(other)
    pickled = copy(folders["siglip"], tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="it has no safetensors, and other weights"):
        load(pickled)
    torch.manual_seed(0)
    transformers.CLIPVisionModel(config.vision_config).save_pretrained(other)
    (other / "config.json").write_text((folders["clip"] / "config.json").read_text())
    with pytest.raises(WeightsError, match=r"its weights lack \d+ tensors, such as logit_scale"):
        load(other)


def test_code_of_a_repository_is_not_run(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # where transformers would ask the user
    folder = copy(folders["clip"], tmp_path / "code")
    (folder / "own.py").write_text("raise SystemExit('ran')")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="cannot be opened as a CLIP or SigLIP model"):
        load(folder)
